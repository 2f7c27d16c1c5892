// SPDX-License-Identifier: GPL-2.0
/*
 * Special purpose registers of guests in problem state, bit by bit: what a
 * guest's kernel writes to a register and what it reads then, on each
 * processor that it may believe to have. From the ISA's Book III, versions
 * 2.07, 3.0B and 3.1, "Special Purpose Registers" and where each is defined.
 */
#include "regs.h"
#include "insn.h"

#define P8 1u
#define P9 2u
#define P10 4u
#define ALL (P8 | P9 | P10)

#define WORD 0xffffffffull
#define DWORD (~0ull)
#define BIT(n) (1ull << (63 - (n)))

/* Registers that the host's processor does not have for the guest: KVM does */
static const struct reg {
	const char *name;
	unsigned int spr;
	unsigned int on; /* the processors that have it */
	uint64_t bits; /* those that keep what is written to them */
} regs[] = {
	{ "DSCR", 17, ALL, 0x1ffffff },
	{ "DSISR", 18, ALL, WORD },
	{ "DAR", 19, ALL, DWORD },
	{ "SRR0", 26, ALL, DWORD & ~3 },
	{ "SRR1", 27, ALL, DWORD },
	{ "AMR", 29, ALL, DWORD },
	{ "ACOP", 31, P8, DWORD },
	{ "PID", 48, ALL, WORD },
	{ "IAMR", 61, ALL, DWORD },
	{ "TIDR", 144, P9, DWORD },
	{ "FSCR", 153, P8, 0xff00000000000000 | BIT(55) | BIT(56) | BIT(61) },
	{ "FSCR", 153, P9,
	  0xff00000000000000 | BIT(51) | BIT(55) | BIT(56) | BIT(61) },
	{ "FSCR", 153, P10,
	  0xff00000000000000 | BIT(50) | BIT(51) | BIT(55) | BIT(56) |
		  BIT(61) },
	{ "UAMOR", 157, ALL, DWORD },
	{ "PSPB", 159, ALL, WORD },
	{ "SPRG0", 272, ALL, DWORD },
	{ "SPRG1", 273, ALL, DWORD },
	{ "SPRG2", 274, ALL, DWORD },
	{ "SPRG3", 275, ALL, DWORD },
	{ "HASHKEYR", 468, P10, DWORD },
	{ "SIER2", 752, P10, DWORD },
	{ "SIER3", 753, P10, DWORD },
	{ "MMCR3", 754, P10, DWORD },
	{ "SIER", 784, ALL, DWORD },
	{ "MMCR2", 785, ALL, DWORD },
	{ "MMCRA", 786, ALL, DWORD },
	{ "PMC1", 787, ALL, WORD },
	{ "PMC2", 788, ALL, WORD },
	{ "PMC3", 789, ALL, WORD },
	{ "PMC4", 790, ALL, WORD },
	{ "PMC5", 791, ALL, WORD },
	{ "PMC6", 792, ALL, WORD },
	{ "MMCR0", 795, ALL, WORD },
	{ "SIAR", 796, ALL, DWORD },
	{ "SDAR", 797, ALL, DWORD },
	{ "MMCR1", 798, ALL, DWORD },
	{ "PSSCR", 823, P9 | P10, 0xf0000000000003ff },
	{ "DEXCR", 828, P10, DWORD },
	{ "TACR", 888, P8, DWORD },
	{ "TCSCR", 889, P8, DWORD },
	{ "CSIGR", 890, P8, DWORD },
	{ "SPMC1", 892, P8, DWORD },
	{ "SPMC2", 893, P8, DWORD },
	{ "MMCRS", 894, P8, DWORD },
	{ "WORT", 895, P8, DWORD },
};

FIXTURE_VARIANT(regs)
{
	uint32_t pvr;
	unsigned int is;
};

FIXTURE_VARIANT_ADD(regs, power8){ .pvr = 0x004d0200, .is = P8 };
FIXTURE_VARIANT_ADD(regs, power9){ .pvr = 0x004e1202, .is = P9 };
FIXTURE_VARIANT_ADD(regs, power10){ .pvr = 0x00800200, .is = P10 };

static void be(struct vmm_vcpu *vcpu, uint32_t pvr)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		vmm_die("KVM_GET_SREGS");
	sregs.pvr = pvr;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		vmm_die("KVM_SET_SREGS");
}

/* The guest writes @val to @to, and gives back what it reads from @from */
static uint64_t through(struct vmm *vmm, struct vmm_vcpu *vcpu, unsigned int to,
			uint64_t val, unsigned int from, uint64_t before)
{
	const uint32_t code[] = { MTSPR(to, 15), MFSPR(14, from), SC(1) };
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };

	book3s_code(vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = UC_SYNC;
	r.gpr[14] = before;
	r.gpr[15] = val;
	book3s_set_regs(vcpu, &r);
	if (book3s_run_hcall(vcpu) != UC_SYNC)
		vmm_die("not the call");
	vmm_get_regs(vcpu, &r);
	return r.gpr[14];
}

TEST_F(regs, every_bit)
{
	const uint64_t before = 0x5a5a5a5aa5a5a5a5;
	const struct reg *reg;
	uint64_t val, got;
	int bit;

	if (!book3s_on_hash(self->vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (book3s_peer())
		SKIP(return, "kvm-pr keeps what is written, or knows none");
	be(self->vcpu, variant->pvr);
	for (reg = regs; reg < regs + ARRAY_SIZE(regs); reg++) {
		const struct reg *other;
		bool elsewhere = false;

		/* Another line may be this processor's */
		for (other = regs; other < regs + ARRAY_SIZE(regs); other++)
			elsewhere |= other != reg && other->spr == reg->spr &&
				     (other->on & variant->is);
		if (elsewhere)
			continue;
		for (bit = -2; bit < 64; bit++) {
			val = bit == -2 ? 0 : bit == -1 ? ~0ull : BIT(bit);
			/* SRR0's two last bits may be kept or not */
			got = through(self->vmm, self->vcpu, reg->spr, val,
				      reg->spr, before);
			if (reg->spr == 26)
				got &= ~3ull;
			/* Without the register both do nothing */
			EXPECT_EQ(reg->on & variant->is ? val & reg->bits :
							  before,
				  got)
			{
				TH_LOG("%s, %#llx", reg->name,
				       (unsigned long long)val);
			}
		}
	}
}

/* The numbers by which bits of BESCR are set and reset, and its upper half */
TEST_F(regs, bescr)
{
	/* GE, PME and PMEO, and none of them */
	const uint64_t all = BIT(0) | BIT(31) | BIT(63), before = 1;
	struct vmm *vmm = self->vmm;
	struct vmm_vcpu *vcpu = self->vcpu;

	if (!book3s_on_hash(vmm))
		SKIP(return, "the host is not on the hash MMU");
	if (book3s_peer())
		SKIP(return, "kvm-pr has no event-based branches");
	be(vcpu, variant->pvr);
	/* FSCR[EBB] only matters in problem state */
	EXPECT_EQ(all, through(vmm, vcpu, 806, all, 806, before));
	EXPECT_EQ(all, through(vmm, vcpu, 800, 0, 802, before));
	/* BESCRR */
	EXPECT_EQ(BIT(0) | BIT(63),
		  through(vmm, vcpu, 802, BIT(31), 806, before));
	/* BESCRRU, of which only the lower half counts */
	EXPECT_EQ(BIT(63),
		  through(vmm, vcpu, 803, BIT(0) | BIT(32), 800, before));
	/* BESCRSU reads as the upper half */
	EXPECT_EQ(1, through(vmm, vcpu, 801, BIT(0) | 1, 801, before));
	EXPECT_EQ(BIT(31) | BIT(63), vmm_reg(vcpu, KVM_REG_PPC_BESCR));
	/* BESCRS */
	EXPECT_EQ(all, through(vmm, vcpu, 800, BIT(0), 806, before));
	EXPECT_EQ(1ull << 31 | 1, through(vmm, vcpu, 800, 0, 803, before));
	/* The branches' two registers are addresses of instructions */
	EXPECT_EQ(DWORD & ~3, through(vmm, vcpu, 804, DWORD, 804, before));
	EXPECT_EQ(DWORD & ~3, through(vmm, vcpu, 805, DWORD, 805, before));
}

TEST_HARNESS_MAIN
