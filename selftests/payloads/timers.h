/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by timers.c and its payload: what guest_main() is to do */
#ifndef SELFTESTS_TIMERS_H
#define SELFTESTS_TIMERS_H

enum {
	T_DEC, /* interrupts @a1 ticks away, @a2 of them: gives the latest */
	T_MSB, /* the exception is there as long as the MSB is set */
	T_CEDE, /* the same as T_DEC, asleep */
	T_CEDE_PENDING, /* does not sleep with an interrupt pending */
	T_READ_DEC, /* DEC and TB go together through exits; @a1 to start with */
	T_SPIN, /* for @a1 ticks: gives the longest time away */
	T_EXTERNAL, /* wait with EE on, then off and on again */
	T_CLOCKS, /* give TB, VTB, PURR, again and again */
};

#endif
