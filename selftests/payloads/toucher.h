/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_TOUCHER_H
#define SELFTESTS_TOUCHER_H

#define TOUCH_END (~0ull)
#define TOUCH_ADD (1ull << 62)
#define TOUCH_LOAD (1ull << 61)

#endif
