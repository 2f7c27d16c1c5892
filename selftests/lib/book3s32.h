/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 32-bit Book3S guests: registers and page table entries.
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
