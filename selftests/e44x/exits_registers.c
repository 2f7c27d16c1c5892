// SPDX-License-Identifier: GPL-2.0
/* Each special purpose register of a 440, as the guest's kernel writes and reads it. */
#include "exits.h"

/* Which bits there are, by the figures of the PPC440x5 CPU Core User's Manual */
static const struct {
	uint16_t first, last;
	uint32_t bits;
} kept[] = {
	{ 0x01a, 0x01a, 0xfffffffc }, /* SRR0 */
	{ 0x01b, 0x01b, 0xffffffff }, /* SRR1 */
	{ 0x030, 0x030, 0x000000ff }, /* PID */
	{ 0x03a, 0x03a, 0xfffffffc }, /* CSRR0 */
	{ 0x03b, 0x03b, 0xffffffff }, /* CSRR1 */
	{ 0x03d, 0x03d, 0xffffffff }, /* DEAR */
	{ 0x03e, 0x03e, 0x8fbf001f }, /* ESR */
	{ 0x03f, 0x03f, 0xffff0000 }, /* IVPR */
	{ 0x100, 0x100, 0xffffffff }, /* USPRG0 */
	{ 0x110, 0x117, 0xffffffff }, /* SPRG0 to SPRG7 */
	{ 0x135, 0x135, 0xffc1ffc1 }, /* DBCR1 */
	{ 0x136, 0x136, 0xffef0f0f }, /* DBCR2 */
	{ 0x138, 0x13b, 0xfffffffc }, /* IAC1 to IAC4 */
	{ 0x13c, 0x13f, 0xffffffff }, /* DAC1, DAC2, DVC1, DVC2 */
	{ 0x190, 0x19f, 0x0000fff0 }, /* IVOR0 to IVOR15 */
	{ 0x23a, 0x23a, 0xfffffffc }, /* MCSRR0 */
	{ 0x23b, 0x23b, 0xffffffff }, /* MCSRR1 */
	{ 0x370, 0x377, 0x3f3f3f3f }, /* INV0 to INV3, ITV0 to ITV3 */
	{ 0x378, 0x378, 0xfffff980 }, /* CCR1 */
	{ 0x390, 0x397, 0x3f3f3f3f }, /* DNV0 to DNV3, DTV0 to DTV3 */
	{ 0x398, 0x399, 0x0fc1f83f }, /* DVLIM, IVLIM */
	{ 0x39b, 0x39b, 0 }, /* RSTCFG */
	{ 0x39c, 0x39f, 0 }, /* DCDBTRL, DCDBTRH, ICDBTRL, ICDBTRH */
	{ 0x3b2, 0x3b2, 0x016d00ff }, /* MMUCR */
	{ 0x3b3, 0x3b3, 0x4830e10f }, /* CCR0 */
	{ 0x3d3, 0x3d3, 0 }, /* ICDBDR */
	{ 0x3f3, 0x3f3, 0xffffffff }, /* DBDR */
};

/* Writes r5 to register @spr and reads r3 from it; @spr's program interrupt gives 0x66 */
static uint32_t write_and_read(FIXTURE_DATA(guest) * self, unsigned int spr,
			       uint32_t value)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	self->code[0] = MTSPR(spr, 5);
	self->code[1] = MFSPR(3, spr);
	self->code[2] = STW(3, 0, 8);
	vmm_get_regs(self->vcpu, &regs);
	regs.pc = 0x1000;
	regs.gpr[5] = value;
	regs.gpr[8] = DEVICE;
	vmm_set_regs(self->vcpu, &regs);
	if (vmm_run(self->vcpu) || run->exit_reason != KVM_EXIT_MMIO)
		return 0xbad;
	return stored(run);
}

TEST_F(guest, ones_and_zeros)
{
	static const uint32_t values[] = { ~0u, 0, 0x55555555, 0xaaaaaaaa };
	unsigned int i, j, spr;

	for (i = 0; i < ARRAY_SIZE(kept); i++)
		for (spr = kept[i].first; spr <= kept[i].last; spr++)
			for (j = 0; j < ARRAY_SIZE(values); j++)
				EXPECT_EQ(values[j] & kept[i].bits,
					  write_and_read(self, spr, values[j]))
	TH_LOG("SPR %#x, %#x", spr, values[j]);
}

/* Those that are cleared by ones are as zeros leave them */
TEST_F(guest, cleared_by_ones)
{
	EXPECT_EQ(0, write_and_read(self, 0x130, ~0u)); /* DBSR */
	EXPECT_EQ(0, write_and_read(self, 0x23c, ~0u)); /* MCSR */
	EXPECT_EQ(0, write_and_read(self, 0x23c, 0));
}

/* What is only read, or only written, is an illegal instruction otherwise */
TEST_F(guest, one_way)
{
	static const struct {
		uint16_t spr;
		uint32_t at;
	} table[] = {
		{ 0x036, 0x1004 }, /* DECAR: only written */
		{ 0x11c, 0x1004 },
		{ 0x11d, 0x1004 }, /* TBL, TBU */
		{ 0x104, 0x1000 },
		{ 0x107, 0x1000 }, /* SPRG4 to SPRG7: only read */
		{ 0x11e, 0x1000 },
		{ 0x11f, 0x1000 }, /* PIR, PVR */
		{ 0x0f0, 0x1000 },
		{ 0x3ff, 0x1000 }, /* None */
	};
	struct kvm_sregs sregs;
	unsigned int i;

	vector(self->vcpu, IVOR_PROGRAM, 0x4000, MFSPR(3, SPR_SRR0));
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		EXPECT_EQ(table[i].at, write_and_read(self, table[i].spr, 0))
		TH_LOG("SPR %#x", table[i].spr);
		ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
		EXPECT_EQ(0x08000000, sregs.u.e.esr);
	}
}

TEST_HARNESS_MAIN
