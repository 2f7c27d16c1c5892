// SPDX-License-Identifier: GPL-2.0
// The code of the tracepoints that all backends have.

#include <linux/types.h>

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "kvm_trace.h"
