// SPDX-License-Identifier: GPL-2.0
// The code of the tracepoints of guests on a 64-bit Book3S host.

#include <linux/types.h>

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "hv_trace.h"
