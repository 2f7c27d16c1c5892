// SPDX-License-Identifier: GPL-2.0
/*
 * Registers as userspace sees them: every ONE_REG id that api.rst lists for
 * Book3S, HV and PR, wrong ids and sizes, GET/SET_REGS, SREGS, FPU, MP_STATE.
 */
#include "regs.h"
#include "regs_pr.h"
#include "regs_table.h"

#include <sys/mman.h>

static bool is_known(uint64_t id)
{
	unsigned int i;

	if (!here(id))
		return false;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		if (id >= regs[i].id && id < regs[i].id + regs[i].n)
			return true;
	return false;
}

/* the more significant half of a VSR is the FPR */
static bool is_alias(const struct reg *r)
{
	return r->id == KVM_REG_PPC_FPR0;
}

static bool plain(const struct reg *r, unsigned int n)
{
	if (!here(r->id + n))
		return false;
	if (pr && r->id == KVM_REG_PPC_VTB)
		return false;
	/* the vectors of bare guests are elsewhere */
	if (pr && r->id == KVM_REG_PPC_HIOR)
		return true;
	/* kvm-pr.ko sets FPSCR instead */
	if (pr && book3s_peer() && r->id == KVM_REG_PPC_FSCR)
		return false;
	return r->kind == PLAIN || (r->kind == PEER_WRONG && !book3s_peer());
}

/* All are set to different values before the first is read: none is another */
TEST_F(regs, round_trip)
{
	uint64_t want[2], got[2];
	unsigned int pass, i, j;

	pr = book3s_on_hash(self->vmm);
	for (pass = 0; pass < 3; pass++) {
		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			for (j = 0; j < regs[i].n; j++) {
				if (!plain(&regs[i], j) || is_alias(&regs[i]))
					continue;
				pattern(regs[i].id + j, pass, want);
				if (pass == 2)
					want[0] = want[1] = ALL;
				EXPECT_EQ(0, vmm_set_reg(self->vcpu,
							 regs[i].id + j, want))
				{
					TH_LOG("set %s", regs[i].name);
				}
			}
		}
		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			size_t size = vmm_reg_size(regs[i].id);

			for (j = 0; j < regs[i].n; j++) {
				uint64_t mask = regs[i].mask;

				/* HIOR is fixed with HV */
				if (!mask)
					mask = ALL;
				if (!plain(&regs[i], j))
					continue;
				pattern(regs[i].id + j, pass, want);
				if (is_alias(&regs[i])) {
					pattern(KVM_REG_PPC_VSR0 + j, pass,
						want);
					want[0] = want[1];
				}
				if (pass == 2)
					want[0] = want[1] = ALL;
				memset(got, 0x5a, sizeof(got));
				EXPECT_EQ(0, vmm_get_reg(self->vcpu,
							 regs[i].id + j, got));
				if (size == 4) {
					/* no more than 4 bytes are written */
					EXPECT_EQ(0x5a5a5a5a, got[0] >> 32);
					got[0] = (uint32_t)got[0];
					want[0] = (uint32_t)want[0];
				}
				if (size < 16) {
					EXPECT_EQ(0x5a5a5a5a5a5a5a5a, got[1]);
					want[1] = got[1];
				}
				want[0] &= mask;
				EXPECT_TRUE(got[0] == want[0] &&
					    got[1] == want[1])
				{
					TH_LOG("%s+%u: %016lx %016lx, not %016lx %016lx",
					       regs[i].name, j, got[0], got[1],
					       want[0], want[1]);
				}
			}
		}
	}
}

TEST_F(regs, fixed)
{
	uint64_t zero[2] = { 0 }, one[2] = { 1 }, got[2];
	unsigned int i;

	pr = book3s_on_hash(self->vmm);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		const struct reg *r = &regs[i];

		memset(got, 0, sizeof(got));
		if (pr && r->id == KVM_REG_PPC_HIOR)
			continue;
		switch (r->kind) {
		case FIXED:
		case NO_SET:
			EXPECT_EQ(0, vmm_get_reg(self->vcpu, r->id, got));
			EXPECT_EQ(r->mask, got[0]);
			EXPECT_EQ(-1, vmm_set_reg(self->vcpu, r->id, one));
			EXPECT_EQ(EINVAL, errno);
			EXPECT_EQ(r->kind == FIXED ? 0 : -1,
				  vmm_set_reg(self->vcpu, r->id, zero))
			{
				TH_LOG("%s", r->name);
			}
			break;
		case NO_IRQCHIP:
			EXPECT_EQ(-1, vmm_get_reg(self->vcpu, r->id, got));
			EXPECT_TRUE(errno == ENXIO || errno == EINVAL);
			EXPECT_EQ(-1, vmm_set_reg(self->vcpu, r->id, zero));
			EXPECT_TRUE(errno == ENXIO || errno == EINVAL)
			{
				TH_LOG("%s: errno %d", r->name, errno);
			}
			break;
		default:
			break;
		}
	}
}

/* All small ids in all sizes, both areas, and other architectures' ids */
TEST_F(regs, unknown)
{
	static const uint64_t area[] = { KVM_REG_PPC,
					 KVM_REG_PPC_TM,
					 KVM_REG_PPC | 0x40000000,
					 KVM_REG_PPC | 0x10000,
					 KVM_REG_X86,
					 KVM_REG_ARM64,
					 0,
					 0xff00000000000000 };
	uint64_t buf[256] = { 0 }, id, size;
	unsigned int a, i;

	pr = book3s_on_hash(self->vmm);
	for (a = 0; a < ARRAY_SIZE(area); a++) {
		for (size = 0; size < 16; size++) {
			for (i = 0; i < 0x140; i++) {
				id = area[a] | size << KVM_REG_SIZE_SHIFT | i;
				if (is_known(id))
					continue;
				errno = 0;
				EXPECT_EQ(-1, vmm_get_reg(self->vcpu, id, buf));
				EXPECT_EQ(EINVAL, errno)
				{
					TH_LOG("get %#lx", id);
				}
				errno = 0;
				EXPECT_EQ(-1, vmm_set_reg(self->vcpu, id, buf));
				EXPECT_EQ(EINVAL, errno)
				{
					TH_LOG("set %#lx", id);
				}
			}
		}
	}
}

TEST_F(regs, bad_addresses)
{
	struct kvm_one_reg r = { .id = KVM_REG_PPC_TAR };
	char *page = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t v;

	ASSERT_EQ(0, munmap(page + getpagesize(), getpagesize()));
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	/* the last byte is missing */
	r.addr = (uintptr_t)page + getpagesize() - 7;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	r.addr = 1ull << 62;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	/*
	 * the first error counts: the id when getting, the address when setting
	 */
	r.id = KVM_REG_PPC_IAC1;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_ONE_REG, &r));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_ONE_REG, &r));
	EXPECT_EQ(EFAULT, errno);
	r.id |= KVM_REG_SIZE_U256;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_ONE_REG, &r));
	EXPECT_EQ(EINVAL, errno);
	/* unaligned is fine */
	v = 0x123456789abcdef;
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_TAR,
				 memcpy(page + 3, &v, 8)));
	EXPECT_EQ(0, vmm_get_reg(self->vcpu, KVM_REG_PPC_TAR, page + 21));
	EXPECT_EQ(0, memcmp(page + 21, &v, 8));
}

TEST_F(regs, ciabr)
{
	if (book3s_on_hash(self->vmm))
		SKIP(return, "a register of HV");
	/* a match in problem or supervisor state stays, in hypervisor state is none */
	vmm_reg_set(self->vcpu, KVM_REG_PPC_CIABR, 0x1001);
	EXPECT_EQ(0x1001, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_CIABR, 0x1002);
	EXPECT_EQ(0x1002, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_CIABR, 0x1003);
	EXPECT_EQ(0x1000, vmm_reg(self->vcpu, KVM_REG_PPC_CIABR));
}

TEST_F(regs, tb_offset)
{
	if (book3s_on_hash(self->vmm))
		SKIP(return, "a register of HV");
	/* in units of 2^24, rounded up */
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, 0x5000000);
	EXPECT_EQ(0x5000000, vmm_reg(self->vcpu, KVM_REG_PPC_TB_OFFSET));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, 0x5000001);
	EXPECT_EQ(0x6000000, vmm_reg(self->vcpu, KVM_REG_PPC_TB_OFFSET));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, -0x1000000ll);
	EXPECT_EQ(-0x1000000ull, vmm_reg(self->vcpu, KVM_REG_PPC_TB_OFFSET));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_TB_OFFSET, 0);
	EXPECT_EQ(0, vmm_reg(self->vcpu, KVM_REG_PPC_TB_OFFSET));
}

/* The first offset that is set starts an expired decrementer in guest time */
TEST(tb_offset_dec)
{
	struct vmm *vmm = vmm_new(MEM);
	struct vmm_vcpu *vcpu = vmm_add_vcpu(vmm, 0);
	uint64_t tb, dec;

	if (book3s_on_hash(vmm))
		SKIP(return, "a register of HV");
	EXPECT_EQ(0, vmm_reg(vcpu, KVM_REG_PPC_DEC_EXPIRY));
	tb = mftb();
	vmm_reg_set(vcpu, KVM_REG_PPC_TB_OFFSET, 1ull << 40);
	dec = vmm_reg(vcpu, KVM_REG_PPC_DEC_EXPIRY);
	EXPECT_GE(dec, tb + (1ull << 40));
	EXPECT_LE(dec, mftb() + (1ull << 40));
	vmm_free(vmm);
}

TEST_F(regs, lpcr)
{
	uint64_t user = LPCR_DPFD | LPCR_ILE | LPCR_AIL | LPCR_LD, base, got;

	if (book3s_on_hash(self->vmm)) {
		/*
		 * PR's LPCR only has the bits that say how interrupts are taken
		 */
		for (got = 0; got < 64; got++) {
			vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
				    1ull << got);
			base = vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64);
			EXPECT_EQ(0, base & ~(LPCR_ILE | LPCR_AIL));
			EXPECT_EQ(1ull << got & LPCR_ILE, base & LPCR_ILE);
			EXPECT_EQ((uint32_t)base,
				  vmm_reg(self->vcpu, KVM_REG_PPC_LPCR));
		}
		return;
	}
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, 0);
	base = vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64);
	/* the hypervisor's bits can be neither cleared nor set */
	EXPECT_EQ(0, base & user);
	EXPECT_NE(0, base);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, ~user);
	EXPECT_EQ(base, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
		    LPCR_DPFD | LPCR_ILE | LPCR_LD);
	EXPECT_EQ(base | LPCR_DPFD | LPCR_ILE | LPCR_LD,
		  vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	/* the 32-bit id leaves the upper half as it is */
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR, 0);
	EXPECT_EQ(base | LPCR_DPFD, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	EXPECT_EQ((uint32_t)base, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR));
	/* AIL is 0 or 3, and 3 only where the capability says so */
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, 2ull << 23);
	EXPECT_EQ(base, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, 1ull << 23);
	EXPECT_EQ(base, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64, LPCR_AIL);
	got = vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64);
	EXPECT_EQ(base | (vmm_check(self->vmm, KVM_CAP_PPC_AIL_MODE_3) ?
				  LPCR_AIL :
				  0),
		  got);
}

/* LPCR is a vCPU's, for vCPUs are single-threaded cores */
TEST_F(regs, lpcr_per_vcpu)
{
	struct vmm_vcpu *b = vmm_add_vcpu(self->vmm, 1);
	uint64_t lpcr = vmm_reg(b, KVM_REG_PPC_LPCR_64);

	vmm_reg_set(self->vcpu, KVM_REG_PPC_LPCR_64,
		    lpcr ^ LPCR_DPFD ^ LPCR_ILE);
	EXPECT_NE(lpcr, vmm_reg(self->vcpu, KVM_REG_PPC_LPCR_64));
	EXPECT_EQ(lpcr, vmm_reg(b, KVM_REG_PPC_LPCR_64));
}

/* PR's virtual timebase goes on from what it is set to */
TEST_F(regs, vtb)
{
	uint64_t from = 1ull << 40, v;

	if (!book3s_on_hash(self->vmm) || book3s_peer())
		SKIP(return, "a register that stands still");
	vmm_reg_set(self->vcpu, KVM_REG_PPC_VTB, from);
	usleep(1000);
	v = vmm_reg(self->vcpu, KVM_REG_PPC_VTB);
	EXPECT_LE(from + TB_HZ / 1000, v);
	EXPECT_GT(from + 100 * TB_HZ, v);
}

TEST_F(regs, arch_compat)
{
	struct kvm_sregs sregs;
	uint32_t pvr, v;
	bool p10;

	if (book3s_on_hash(self->vmm) &&
	    vmm_get_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v))
		SKIP(return, "a register of HV");
	pvr = vmm_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT);
	EXPECT_EQ(0, pvr);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	p10 = sregs.pvr >> 16 == 0x80;
	/* logical PVRs: ISA 2.05, 2.06, 2.06+, 2.07, 3.00 */
	for (v = 0x0f000002; v <= 0x0f000005; v++) {
		/* A hypervisor below may offer only those since 3.00 */
		if (book3s_in_partition() && v < 0x0f000005 &&
		    vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v)) {
			EXPECT_EQ(EINVAL, errno);
			continue;
		}
		vmm_reg_set(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, v);
		EXPECT_EQ(v, vmm_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT));
	}
	v = 0x0f000006; /* 3.10 */
	EXPECT_EQ(p10 ? 0 : -1,
		  vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v));
	v = 0x0f000008;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v));
	EXPECT_EQ(EINVAL, errno);
	v = 0x004e0200;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v));
	EXPECT_EQ(EINVAL, errno);
	v = 0;
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v));
}

/* struct kvm_ppc_compat_caps, which older headers lack */
struct compat_caps {
	uint64_t size, flags, capabilities, behind;
};
#define GET_COMPAT_CAPS _IO(KVMIO, 0xb8)
#define CAP_PPC_COMPAT_CAPS 250

TEST_F(regs, compat_caps)
{
	int fd = self->vmm->fd, cap, vcpu_level;
	uint32_t v = 0x0f000006;
	struct compat_caps c;

	cap = ioctl(fd, KVM_CHECK_EXTENSION, CAP_PPC_COMPAT_CAPS);
	EXPECT_EQ(book3s_in_partition() && !book3s_on_hash(self->vmm), cap);
	c = (struct compat_caps){ .size = 24 };
	if (!cap) {
		EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, &c));
		EXPECT_EQ(book3s_on_hash(self->vmm) ? ENOTTY : EINVAL, errno);
		return;
	}
	EXPECT_EQ(0, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(24, c.size);
	/* POWER9 in any case; POWER10 if and only if vCPUs may be like one */
	EXPECT_EQ(1, c.capabilities >> 62);
	vcpu_level = vmm_set_reg(self->vcpu, KVM_REG_PPC_ARCH_COMPAT, &v);
	EXPECT_EQ(vcpu_level == 0, c.capabilities >> 61 & 1);
	EXPECT_EQ(0, c.capabilities & ~(7ull << 60));

	c = (struct compat_caps){ .size = 32 };
	EXPECT_EQ(0, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(24, c.size);
	c = (struct compat_caps){ .size = 32, .behind = 1ull << 32 };
	EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(24, c.size);
	c = (struct compat_caps){ .size = 23 };
	EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(EINVAL, errno);
	c = (struct compat_caps){ .size = 1 << 17 };
	EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(E2BIG, errno);
	c = (struct compat_caps){ .size = 24, .flags = 1 };
	EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, &c));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(fd, GET_COMPAT_CAPS, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(regs, online)
{
	struct vmm_vcpu *b = vmm_add_vcpu(self->vmm, 1);

	if (book3s_on_hash(self->vmm))
		SKIP(return, "a register of HV");
	EXPECT_EQ(0, vmm_reg(b, KVM_REG_PPC_ONLINE));
	vmm_reg_set(b, KVM_REG_PPC_ONLINE, 1);
	EXPECT_EQ(1, vmm_reg(b, KVM_REG_PPC_ONLINE));
	vmm_reg_set(b, KVM_REG_PPC_ONLINE, 0);
	EXPECT_EQ(0, vmm_reg(b, KVM_REG_PPC_ONLINE));
	/* running makes a vCPU online, for VMMs that know nothing of it */
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	EXPECT_EQ(1, vmm_reg(self->vcpu, KVM_REG_PPC_ONLINE));
}

TEST_F(regs, vpa)
{
	uint64_t addr, area[2];

	if (book3s_on_hash(self->vmm) &&
	    vmm_get_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR, &addr))
		SKIP(return, "a register of HV");
	/* the others only after the VPA, the VPA not before they are gone */
	area[0] = GPA_FREE + 0x1000;
	area[1] = 0x100;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_SLB, area));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	EXPECT_EQ(EINVAL, errno);
	addr = GPA_FREE + 4;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR, &addr));
	EXPECT_EQ(EINVAL, errno);
	vmm_reg_set(self->vcpu, KVM_REG_PPC_VPA_ADDR, GPA_FREE);
	EXPECT_EQ(GPA_FREE, vmm_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR));
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_SLB, area));
	/* a whole number of 48-byte entries */
	area[0] += 0x1000;
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	EXPECT_EQ(0, vmm_get_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	EXPECT_EQ(GPA_FREE + 0x2000, area[0]);
	EXPECT_EQ(0xf0, area[1]);
	EXPECT_EQ(0, vmm_get_reg(self->vcpu, KVM_REG_PPC_VPA_SLB, area));
	EXPECT_EQ(GPA_FREE + 0x1000, area[0]);
	EXPECT_EQ(0x100, area[1]);
	addr = 0;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR, &addr));
	EXPECT_EQ(EINVAL, errno);
	/* an entry at least */
	area[1] = 47;
	EXPECT_EQ(-1, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	EXPECT_EQ(EINVAL, errno);
	area[0] = area[1] = 0;
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_DTL, area));
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_SLB, area));
	EXPECT_EQ(0, vmm_set_reg(self->vcpu, KVM_REG_PPC_VPA_ADDR, &addr));
}

TEST_F(regs, regs)
{
	struct kvm_regs in, out;
	uint64_t *p = (uint64_t *)&in;
	unsigned int i;

	for (i = 0; i < sizeof(in) / 8; i++)
		p[i] = 0x0101010101010101ull * (i + 1);
	in.msr = MSR_VIRT | MSR_ALL_FP | MSR_EE;
	in.cr = 0x87654321;
	/* kvm-pr.ko has no more of it */
	in.xer = 0xe0000055;
	vmm_set_regs(self->vcpu, &in);
	memset(&out, 0xff, sizeof(out));
	vmm_get_regs(self->vcpu, &out);
	/* PID is for reading here, ONE_REG sets it */
	in.pid = out.pid;
	EXPECT_EQ(0, memcmp(&in, &out, sizeof(in)));
	vmm_reg_set(self->vcpu, KVM_REG_PPC_PID, 0x1234);
	vmm_get_regs(self->vcpu, &out);
	EXPECT_EQ(0x1234, out.pid);
}

TEST_F(regs, sregs)
{
	struct kvm_sregs sregs, zero = { 0 };
	uint32_t pvr;

	memset(&sregs, 0xff, sizeof(sregs));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	pvr = sregs.pvr;
	if (book3s_on_hash(self->vmm)) {
		pr_sregs(_metadata, self->vcpu, &sregs);
		return;
	}
	EXPECT_TRUE(pvr >> 16 == 0x4e || pvr >> 16 == 0x80 ||
		    pvr >> 16 == 0x82);
	/* no SLB in a radix guest, and nothing of the kernel's stack */
	zero.pvr = pvr;
	EXPECT_EQ(0, memcmp(&zero, &sregs, sizeof(sregs)));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	/* the PVR cannot be changed */
	sregs.pvr = pvr ^ 0x100;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(EINVAL, errno);
	sregs.pvr = 0;
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(regs, not_here)
{
	struct kvm_mp_state mp = { 0 };
	struct kvm_reg_list list = { 0 };
	struct kvm_fpu fpu = { 0 };

	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_FPU, &fpu));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_FPU, &fpu));
	EXPECT_EQ(EOPNOTSUPP, errno);
	if (!vmm_check(self->vmm, KVM_CAP_MP_STATE)) {
		EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_MP_STATE, &mp));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_SET_MP_STATE, &mp));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, ioctl(self->vcpu->fd, KVM_GET_REG_LIST, &list));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
