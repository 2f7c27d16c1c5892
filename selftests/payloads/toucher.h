/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TOUCHER_H
#define SELFTESTS_TOUCHER_H

#define TOUCH_END (~0ul)
#define TOUCH_ADD (1ul << 62)
#define TOUCH_LOAD (1ul << 61)

#endif
