/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of registers: all that have a number for KVM_GET_ONE_REG. */
#ifndef SELFTESTS_REGS_TABLE_H
#define SELFTESTS_REGS_TABLE_H

#include "regs.h"

/* What a set may do other than keep the value */
enum kind {
	PLAIN, /* comes back, all of mask */
	FIXED, /* reads as mask whatever is written; set is EINVAL unless 0 */
	NO_SET, /* reads as mask; set is EINVAL */
	NO_IRQCHIP, /* ENXIO (or EINVAL) without an in-kernel irqchip */
	OTHER, /* has a test of its own */
	PEER_WRONG, /* PLAIN, but not in kvm-hv.ko */
};

struct reg {
	uint64_t id, mask;
	const char *name;
	enum kind kind;
	unsigned int n; /* this many consecutive ids */
};

#define ALL (~0ull)
#define R(r, ...) { KVM_REG_PPC_##r, .name = #r, ##__VA_ARGS__ }
#define P(r) R(r, .mask = ALL, .n = 1)
#define M(r, m) R(r, .mask = (m), .n = 1)
#define N(r, num) R(r, .mask = ALL, .n = num)
#define K(r, k, m) R(r, .mask = m, .kind = k, .n = 1)

static const struct reg regs[] = {
	K(HIOR, FIXED, 0),
	P(DABR),
	M(DABRX, ~4ull), /* never the hypervisor's accesses */
	P(DSCR),
	P(PURR),
	P(SPURR),
	P(DAR),
	P(DSISR),
	P(AMR),
	P(UAMOR),
	P(IAMR),
	P(MMCR0),
	P(MMCR1),
	P(MMCR2),
	P(MMCR3),
	P(MMCRA),
	P(MMCRS),
	P(SIAR),
	P(SDAR),
	P(SIER),
	P(SIER2),
	P(SIER3),
	N(PMC1, 8),
	N(SPMC1, 2),
	N(FPR0, 32),
	N(VR0, 32),
	N(VSR0, 32),
	P(FPSCR),
	P(VSCR),
	P(VRSAVE),
	K(VPA_ADDR, OTHER, 0),
	K(VPA_SLB, OTHER, 0),
	K(VPA_DTL, OTHER, 0),
	K(DEBUG_INST, NO_SET, 0x00dddd00),
	K(ICP_STATE, NO_IRQCHIP, 0),
	K(VP_STATE, NO_IRQCHIP, 0),
	K(TB_OFFSET, OTHER, 0),
	P(DEC_EXPIRY),
	P(TFHAR),
	P(TFIAR),
	P(TEXASR),
	P(FSCR),
	P(PSPB),
	P(EBBHR),
	P(EBBRR),
	P(BESCR),
	P(TAR),
	M(DPDES, 1), /* one thread a core */
	P(DAWR),
	M(DAWRX, ~4ull),
	P(DAWR1),
	M(DAWRX1, ~4ull),
	K(CIABR, OTHER, 0),
	P(IC),
	P(VTB),
	P(CSIGR),
	P(TACR),
	P(TCSCR),
	M(PID, 0xffffffff),
	P(ACOP),
	K(LPCR, OTHER, 0),
	K(LPCR_64, OTHER, 0),
	P(PPR),
	K(ARCH_COMPAT, OTHER, 0),
	P(WORT),
	P(TIDR),
	M(PSSCR, 0xf0000000000003ff), /* guest-visible fields */
	K(ONLINE, OTHER, 0),
	P(PTCR),
	P(DEXCR),
	P(HASHKEYR),
	P(HASHPKEYR),
	N(TM_GPR0, 32),
	N(TM_VSR0, 64),
	M(TM_CR, 0xffffffff),
	P(TM_LR),
	P(TM_CTR),
	P(TM_FPSCR),
	P(TM_AMR),
	P(TM_PPR),
	M(TM_VRSAVE, 0xffffffff),
	/* the set goes to VSCR */
	K(TM_VSCR, PEER_WRONG, ALL),
	P(TM_DSCR),
	P(TM_TAR),
	P(TM_XER),
};

#endif
