// SPDX-License-Identifier: GPL-2.0
/*
 * Registers as userspace and the guest see each other's: what one sets the
 * other reads, and what a guest does not touch stays.
 */
#include "regs.h"
#include "insn.h"

/* What a guest does not touch is the same after it ran */
TEST_F(regs, survive_run)
{
	static const struct {
		uint64_t id, val;
		bool hv; /* PR has no such register */
	} keep[] = {
		{ KVM_REG_PPC_DSCR, 0x1555555 },
		{ KVM_REG_PPC_AMR, 0x5555aaaa3333cccc },
		{ KVM_REG_PPC_UAMOR, 0xc0c0303003030c0c },
		{ KVM_REG_PPC_IAMR, 0x0000000050000000 },
		{ KVM_REG_PPC_TAR, 0x123456789abcdef0 },
		{ KVM_REG_PPC_EBBHR, 0x123456789abcdef0 },
		{ KVM_REG_PPC_EBBRR, 0x0fedcba987654320 },
		{ KVM_REG_PPC_PSPB, 0x5 },
		{ KVM_REG_PPC_FPSCR, 0x3 },
		{ KVM_REG_PPC_VRSAVE, 0x87654321 },
		{ KVM_REG_PPC_PID, 0x123 },
		{ KVM_REG_PPC_DAR, 0xdeadbeefcafe },
		{ KVM_REG_PPC_DSISR, 0x0a000000 },
		{ KVM_REG_PPC_CIABR, 0x7fff0000, true },
		{ KVM_REG_PPC_DAWR, 0x7fff0000, true },
		{ KVM_REG_PPC_WORT, 0x0 },
		{ KVM_REG_PPC_TB_OFFSET, 0x7000000, true },
		{ KVM_REG_PPC_ARCH_COMPAT, 0x0f000005, true },
		{ KVM_REG_PPC_PMC1, 0x1234 },
		{ KVM_REG_PPC_PMC6, 0x4321 },
	};
	bool pr = book3s_on_hash(self->vmm);
	uint64_t v[2], w[2];
	unsigned int run, i;

	for (i = 0; i < ARRAY_SIZE(keep); i++)
		if (!pr || !keep[i].hv)
			vmm_reg_set(self->vcpu, keep[i].id, keep[i].val);
	for (i = 0; i < 32; i++) {
		pattern(i, 1, v);
		vmm_set_reg(self->vcpu, KVM_REG_PPC_VSR0 + i, v);
		pattern(i, 2, v);
		vmm_set_reg(self->vcpu, KVM_REG_PPC_VR0 + i, v);
	}
	for (run = 0; run < 4; run++) {
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
		self->vcpu->run->papr_hcall.ret = run + 1;
		for (i = 0; i < ARRAY_SIZE(keep); i++) {
			if (pr && keep[i].hv)
				continue;
			EXPECT_EQ(keep[i].val, vmm_reg(self->vcpu, keep[i].id))
			{
				TH_LOG("%#lx", keep[i].id);
			}
		}
		for (i = 0; i < 32; i++) {
			pattern(i, 1, v);
			vmm_get_reg(self->vcpu, KVM_REG_PPC_VSR0 + i, w);
			EXPECT_EQ(0, memcmp(v, w, 16));
			pattern(i, 2, v);
			vmm_get_reg(self->vcpu, KVM_REG_PPC_VR0 + i, w);
			EXPECT_EQ(0, memcmp(v, w, 16));
		}
	}
	book3s_run_to_exit(self->vcpu);
}

/*
 * A register that userspace sets is the one the guest reads, and the other way
 * round: mfspr, mtspr, then out.
 */
TEST_F(regs, guest_sees)
{
	/*
	 * No EBB registers: HFSCR[EBB] is 0 until they are used, and TCG does
	 * not raise the interrupt that is to say so.
	 */
	static const struct {
		const char *name;
		uint64_t id;
		unsigned int spr;
		uint64_t set, guest; /* by userspace, by the guest */
	} sprs[] = {
		{ "DSCR", KVM_REG_PPC_DSCR, 17, 0x1555555, 0x0aaaaaa },
		{ "DSISR", KVM_REG_PPC_DSISR, 18, 0x0a000000, 0x42000000 },
		{ "DAR", KVM_REG_PPC_DAR, 19, 0xdeadbeefcafe, 0x1234 },
		{ "AMR", KVM_REG_PPC_AMR, 29, 0x5555aaaa3333cccc,
		  0xc0c0303003030c0c },
		{ "PID", KVM_REG_PPC_PID, 48, 0x123, 0x45 },
		{ "IAMR", KVM_REG_PPC_IAMR, 61, 0x50000000, 0x05000000 },
		{ "UAMOR", KVM_REG_PPC_UAMOR, 157, 0x5555aaaa3333cccc,
		  0xc0c0303003030c0c },
		{ "PSPB", KVM_REG_PPC_PSPB, 159, 5, 9 },
		{ "VRSAVE", KVM_REG_PPC_VRSAVE, 256, 0x87654321, 0x12345678 },
		{ "TAR", KVM_REG_PPC_TAR, 815, 0x123456789abcdef0,
		  0x0fedcba987654320 },
		{ "PMC1", KVM_REG_PPC_PMC1, 787, 0x1234, 0x4321 },
		{ "PMC4", KVM_REG_PPC_PMC4, 790, 0x1234, 0x4321 },
		{ "PMC6", KVM_REG_PPC_PMC6, 792, 0x1234, 0x4321 },
		{ "SIAR", KVM_REG_PPC_SIAR, 796, 0x123456789abcdef0,
		  0x0fedcba987654320 },
		{ "SDAR", KVM_REG_PPC_SDAR, 797, 0x123456789abcdef0,
		  0x0fedcba987654320 },
	};
	struct kvm_regs r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sprs); i++) {
		const uint32_t code[] = { MFSPR(14, sprs[i].spr),
					  MTSPR(sprs[i].spr, 15), SC(1) };

		book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
		memset(&r, 0, sizeof(r));
		r.pc = GPA_FREE;
		r.msr = MSR_REAL | MSR_ALL_FP;
		r.gpr[3] = UC_SYNC;
		r.gpr[15] = sprs[i].guest;
		book3s_set_regs(self->vcpu, &r);
		vmm_reg_set(self->vcpu, sprs[i].id, sprs[i].set);
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu))
		{
			TH_LOG("%s", sprs[i].name);
		}
		vmm_get_regs(self->vcpu, &r);
		EXPECT_EQ(sprs[i].set, r.gpr[14])
		{
			TH_LOG("%s: not seen by the guest", sprs[i].name);
		}
		EXPECT_EQ(sprs[i].guest, vmm_reg(self->vcpu, sprs[i].id))
		{
			TH_LOG("%s: not as the guest left it", sprs[i].name);
		}
		vmm_reg_set(self->vcpu, sprs[i].id, 0);
	}
}

/* KVM_SET_REGS and the guest: SPRG, SRR, LR, CTR, XER, CR */
TEST_F(regs, guest_sees_regs)
{
	const uint32_t code[] = {
		MFSPR(14, 272), MFSPR(15, 273), MFSPR(16, 274), MFSPR(17, 275),
		MFSPR(18, 26),	MFSPR(19, 27),	MFSPR(20, 8),	MFSPR(21, 9),
		MFSPR(22, 1),	MFCR(23),	SC(1),
	};
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL };

	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = UC_SYNC;
	r.sprg0 = 0x100;
	r.sprg1 = 0x101;
	r.sprg2 = 0x102;
	r.sprg3 = 0x103;
	r.srr0 = 0x104;
	r.srr1 = 0x105;
	r.lr = 0x106;
	r.ctr = 0x107;
	r.xer = 0xe0000008;
	r.cr = 0x12345678;
	vmm_set_regs(self->vcpu, &r);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(0x100, r.gpr[14]);
	EXPECT_EQ(0x101, r.gpr[15]);
	EXPECT_EQ(0x102, r.gpr[16]);
	EXPECT_EQ(0x103, r.gpr[17]);
	EXPECT_EQ(0x104, r.gpr[18]);
	EXPECT_EQ(0x105, r.gpr[19]);
	EXPECT_EQ(0x106, r.gpr[20]);
	EXPECT_EQ(0x107, r.gpr[21]);
	EXPECT_EQ(0xe0000008, r.gpr[22]);
	EXPECT_EQ(0x12345678, r.gpr[23]);
	EXPECT_EQ(GPA_FREE + sizeof(code), r.pc);
}

/* FPSCR and VSCR have no mfspr */
TEST_F(regs, guest_sees_fpscr)
{
	const uint32_t code[] = {
		0xfc00048e, /* mffs f0 */
		0xd8040000, /* stfd f0,0(r4) */
		0xfc00010c, /* mtfsfi cr2's field: 0 */
		0xff80010c | 0x3000, /* mtfsfi 7,3 */
		0x10000604, /* mfvscr v0 */
		0x7c0429ce, /* stvx v0,r4,r5 */
		0x7c2428ce | 0, /* lvx v1,r4,r5 */
		SC(1),
	};
	struct kvm_regs r = { .pc = GPA_FREE, .msr = MSR_REAL | MSR_ALL_FP };
	uint64_t *out = vmm_gpa(self->vmm, GPA_FREE + 0x1000);

	book3s_code(self->vmm, GPA_FREE, true, code, ARRAY_SIZE(code));
	r.gpr[3] = UC_SYNC;
	r.gpr[4] = GPA_FREE + 0x1000;
	r.gpr[5] = 0x10;
	vmm_set_regs(self->vcpu, &r);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_FPSCR, 0x2);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_VSCR, 0x10000);
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(2, out[0]);
	EXPECT_EQ(3, vmm_reg(self->vcpu, KVM_REG_PPC_FPSCR));
	/*
	 * VSCR is the least significant word of what mfvscr gives, the first
	 * in memory here; kvm-hv.ko keeps userspace's in the last.
	 */
	if (book3s_peer())
		return;
	EXPECT_EQ(0x10000, out[2]);
	EXPECT_EQ(0, out[3]);
	EXPECT_EQ(0x10000, vmm_reg(self->vcpu, KVM_REG_PPC_VSCR));
}

TEST_HARNESS_MAIN
