/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 32-bit Book3S guests: instruction words, registers and page table entries.
 * "Programming Environments Manual for 32-Bit Implementations of the PowerPC
 * Architecture", chapters 7 and 8.
 */
#ifndef SELFTESTS_BOOK3S32_H
#define SELFTESTS_BOOK3S32_H

#include "book3s.h"

#define PVR_750 0x00080301u
#define PVR_7455 0x80010201u
#define PVR_970FX 0x003c0301u

#define MSR_POW (1u << 18)
#define MSR_IP (1u << 6)
#define MSR32 MSR_ME

#define INSN_SC 0x44000002u
#define INSN_RFI 0x4c000064u
#define INSN_TRAP 0x7fe00008u
#define INSN_ILLEGAL 0x00000000u
#define INSN_TLBSYNC 0x7c00046cu
#define INSN_SYNC 0x7c0004acu
#define INSN_ISYNC 0x4c00012cu

#define D_FORM(po, rt, ra, d) \
	((po) << 26 | (rt) << 21 | (ra) << 16 | ((d) & 0xffff))
#define ADDI(rt, ra, d) D_FORM(14u, rt, ra, d)
#define LIS(rt, d) D_FORM(15u, rt, 0, d)
#define ORI(ra, rs, d) D_FORM(24u, rs, ra, d)
#define LWZ(rt, d, ra) D_FORM(32u, rt, ra, d)
#define STW(rt, d, ra) D_FORM(36u, rt, ra, d)
#define LFD(rt, d, ra) D_FORM(50u, rt, ra, d)

#define X_FORM(rt, ra, rb, xo) \
	(31u << 26 | (rt) << 21 | (ra) << 16 | (rb) << 11 | (xo) << 1)
#define SPR_FIELD(n) (((n) & 31) << 5 | (n) >> 5)
#define MTSPR(n, rs) (X_FORM(rs, 0, 0, 467) | SPR_FIELD(n) << 11)
#define MFSPR(rt, n) (X_FORM(rt, 0, 0, 339) | SPR_FIELD(n) << 11)
#define MTMSR(rs) X_FORM(rs, 0, 0, 146)
#define MFMSR(rt) X_FORM(rt, 0, 0, 83)
#define MTSR(sr, rs) X_FORM(rs, sr, 0, 210)
#define MFSR(rt, sr) X_FORM(rt, sr, 0, 595)
#define MTSRIN(rs, rb) X_FORM(rs, 0, rb, 242)
#define MFSRIN(rt, rb) X_FORM(rt, 0, rb, 659)
#define TLBIE(rb) X_FORM(0, 0, rb, 306)
#define DCBZ(ra, rb) X_FORM(0, ra, rb, 1014)
#define DCBZL(ra, rb) X_FORM(1, ra, rb, 1014)
#define DCBA(ra, rb) X_FORM(0, ra, rb, 758)
#define ICBI(ra, rb) X_FORM(0, ra, rb, 982)
#define DCBST(ra, rb) X_FORM(0, ra, rb, 54)

#define SPR_DEC 22
#define SPR_SDR1 25
#define SPR_SPRG0 272
#define SPR_IBAT(n) (528 + 2 * (n) + ((n) > 3 ? 24 : 0))
#define SPR_DBAT(n) (536 + 2 * (n) + ((n) > 3 ? 24 : 0))
#define SPR_HID0 1008
#define SPR_HID5 1014
#define SPR_HIOR 311
#define SPR_L2CR 1017

/* A pair of BAT registers as struct kvm_sregs has it */
#define BAT_128K 0u
#define BAT_8M 0x3fu
#define BAT_VS 2u
#define BAT_VP 1u
#define BAT(ea, length, valid, real, pp) \
	((uint64_t)((real) | (pp)) << 32 | (ea) | (length) << 2 | (valid))

#define SR_T 0x80000000u
#define SR_KS 0x40000000u
#define SR_KP 0x20000000u
#define SR_N 0x10000000u

#define PTE_R 0x100u
#define PTE_C 0x80u
#define PTE_G 8u

#define DSISR_DIRECT 0x80000000u
#define DSISR_NOPTE 0x40000000u
#define SRR1_NOEXEC 0x10000000u
#define DSISR_PROT 0x08000000u
#define DSISR_STORE 0x02000000u

#endif
