/* SPDX-License-Identifier: GPL-2.0 */
/* All that a guest owns, for payloads/around.S and the payload that uses it */
#ifndef SELFTESTS_AROUND_H
#define SELFTESTS_AROUND_H

/*
 * DSCR DSISR DAR AMR PID IAMR UAMOR PSPB VRSAVE TAR PPR, then the PMU: MMCR0
 * MMCR1 MMCR2 MMCRA PMC1 to 6 SIAR SDAR SIER. Not the EBB registers: HFSCR[EBB]
 * is 0 until they are used, and TCG does not raise the interrupt that says so.
 */
#define SPRS                                                                 \
	17, 18, 19, 29, 48, 61, 157, 159, 256, 815, 896, 795, 798, 785, 786, \
		787, 788, 789, 790, 791, 792, 796, 797, 784
#define NR_SPRS 24

#define A_SPR 256
#define A_FPSCR 512
#define A_VSCR 528
#define A_CR 544
#define A_XER 552
#define A_LR 560
#define A_CTR 568
#define A_VSR 576

#ifndef __ASSEMBLER__
struct area {
	u64 gpr[32];
	u64 spr[32];
	u64 fpscr, pad;
	u64 vscr[2];
	u64 cr, xer, lr, ctr;
	u64 vsr[64][2];
} __attribute__((aligned(16)));

_Static_assert(__builtin_offsetof(struct area, vsr) == A_VSR, "layout");
#endif

#endif
