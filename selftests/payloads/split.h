/* SPDX-License-Identifier: GPL-2.0 */
/* Between split.c and payloads/split.S: offsets from where the code is */
#ifndef SELFTESTS_SPLIT_H
#define SELFTESTS_SPLIT_H

#define SPLIT_LOOP 0x100 /* entry of the loop */
#define SPLIT_WORD 0x8f0 /* the loop adds up this doubleword */
#define SPLIT_TURNS 4000
#define SPLIT_SECOND 0x1000 /* code in another page */
#define SPLIT_OTHER 0x2000 /* a page with data only */
#define SPLIT_CODE 0x1040 /* bytes of code */

#endif
