// SPDX-License-Identifier: GPL-2.0
/*
 * Declares what the module's Rust has bindings of: scripts/layout.py compares it
 * with what the kernel that is to load the module says of itself.
 */
#include <bindings/bindings_helper.h>
#include "../../rust/bindings/bindings.h"
