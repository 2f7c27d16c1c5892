// SPDX-License-Identifier: GPL-2.0
// The code of the e44x backend's tracepoint.

#include <linux/types.h>

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "e44x_trace.h"
