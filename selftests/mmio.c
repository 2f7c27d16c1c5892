// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores to addresses with no memory behind them. What an instruction
 * has to do there is what the processor does with the same instruction on
 * memory: each runs on both, and registers and bytes are compared; in both
 * byte orders, in real mode and through a radix tree.
 */
#include "kselftest_harness.h"

#include "book3s.h"
#include "insn.h"
#include "mmio_forms.h"

#include <inttypes.h>
#include <signal.h>

DECLARE_PAYLOAD(exits);

#define MEM (16ul << 20)
#define CODE GPA_FREE
#define RAM (GPA_FREE + 0x200000) /* 2 MiB aligned */
#define HOLE 0x40000000ull /* as far into 2 MiB */
#define WINDOW 64 /* bytes; r4 points to the middle */

#define TEXT(t) t,
#define CODE_OF(t) t "\n"
#define TABLE(name, forms)                                                  \
	static const char *const name##_text[] = { forms(TEXT) };           \
	asm(".pushsection .rodata\n.machine push\n.machine power10\n"       \
	    ".balign 64\n" #name "_code:\n" forms(CODE_OF) ".machine pop\n" \
							   ".popsection");  \
	extern const uint32_t name##_code[]

TABLE(gpr_loads, GPR_LOADS);
TABLE(gpr_stores, GPR_STORES);
TABLE(fp_loads, FP_LOADS);
TABLE(fp_stores, FP_STORES);
TABLE(vmx_loads, VMX_LOADS);
TABLE(vmx_stores, VMX_STORES);
TABLE(vsx_loads, VSX_LOADS);
TABLE(vsx_stores, VSX_STORES);
TABLE(vsx3_loads, VSX3_LOADS);
TABLE(vsx3_stores, VSX3_STORES);
TABLE(quad_loads, QUAD_LOADS);
TABLE(quad_stores, QUAD_STORES);
TABLE(strings, STRINGS);
TABLE(prefixed, PREFIXED);

FIXTURE(mmio)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	bool p10;
};

FIXTURE_VARIANT(mmio)
{
	bool le, virt;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(mmio, le_real) { .le = true, .virt = false };
FIXTURE_VARIANT_ADD(mmio, be_real) { .le = false, .virt = false };
FIXTURE_VARIANT_ADD(mmio, le_virt) { .le = true, .virt = true };
FIXTURE_VARIANT_ADD(mmio, be_virt) { .le = false, .virt = true };
/* clang-format on */

FIXTURE_SETUP(mmio)
{
	struct kvm_sregs sregs;

	self->vmm = vmm_new(MEM);
	if (book3s_wants_hash() && !variant->virt)
		SKIP(return, "in real mode there is only slot 0");
	book3s_load(self->vmm, PAYLOAD(exits));
	if (variant->virt) {
		book3s_map(self->vmm, 0, 0, MEM, 21, RPTE_KERNEL);
		book3s_map(self->vmm, HOLE, HOLE, 1 << 21, 21, RPTE_IO);
		book3s_translate(self->vmm);
	}
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	self->p10 = sregs.pvr >> 16 != 0x4e;
}

FIXTURE_TEARDOWN(mmio)
{
	vmm_free(self->vmm);
}

struct state {
	struct kvm_regs r;
	uint64_t vsr[64][2];
};

static void get_state(struct vmm_vcpu *vcpu, struct state *s)
{
	unsigned int i;

	vmm_get_regs(vcpu, &s->r);
	for (i = 0; i < 32; i++) {
		vmm_get_reg(vcpu, KVM_REG_PPC_VSR0 + i, s->vsr[i]);
		vmm_get_reg(vcpu, KVM_REG_PPC_VR0 + i, s->vsr[32 + i]);
	}
}

/* Registers full of different values, all of them numbers as single and double */
static void set_state(struct vmm_vcpu *vcpu, struct state *s)
{
	unsigned int i;

	for (i = 0; i < 32; i++) {
		uint64_t lo[2] = { 0x1122334455667788 + i,
				   0x4008123400000000 + ((uint64_t)i << 33) };
		uint64_t hi[2] = { 0x99aabbccddeeff00 + i,
				   0x4010567800000000 + ((uint64_t)i << 33) };

		vmm_set_reg(vcpu, KVM_REG_PPC_VSR0 + i, lo);
		vmm_set_reg(vcpu, KVM_REG_PPC_VR0 + i, hi);
	}
	book3s_set_regs(vcpu, &s->r);
}

static void fill(uint8_t *p)
{
	unsigned int i;

	/* sign bits set and clear, and numbers for lfs */
	for (i = 0; i < WINDOW; i++)
		p[i] = 0x3d + 37 * i;
}

/*
 * Run one instruction of @words words with r4 = @base + WINDOW / 2. Loads and
 * stores that exit are done on @hole, which is at @base. NULL if it came to
 * its end, or what it did instead.
 */
static const char *one(struct vmm *vmm, struct vmm_vcpu *vcpu, bool le,
		       bool virt, const uint32_t *insn, size_t words,
		       uint64_t base, uint8_t *hole, struct state *out,
		       unsigned int *exits)
{
	uint32_t code[5] = { NOP, NOP, HCALL(UC_SYNC) };
	struct kvm_run *run = vcpu->run;
	struct state in = { 0 };
	unsigned int i;
	uint64_t at;

	*exits = 0;
	memcpy(code, insn, words * 4);
	book3s_code(vmm, CODE, le, code, 5);
	for (i = 0; i < 32; i++)
		in.r.gpr[i] = 0x8899aabbccddee00ull + i;
	in.r.gpr[4] = base + WINDOW / 2;
	in.r.gpr[6] = 8;
	in.r.pc = CODE;
	in.r.sprg0 = BOOK3S_SPRG0;
	in.r.msr = (virt ? MSR_VIRT : MSR_REAL) | MSR_ALL_FP;
	if (!le)
		in.r.msr &= ~MSR_LE;
	set_state(vcpu, &in);
	for (;;) {
		alarm(1);
		if (vmm_run(vcpu))
			return errno == EINTR ? "does not end" :
						strerror(errno);
		alarm(0);
		if (run->exit_reason != KVM_EXIT_MMIO)
			break;
		at = run->mmio.phys_addr - base;
		if (at >= WINDOW || at + run->mmio.len > WINDOW)
			return "is elsewhere";
		if (run->mmio.is_write)
			memcpy(hole + at, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, hole + at, run->mmio.len);
		if (++*exits > 16)
			return "has too many exits";
	}
	if (run->exit_reason != KVM_EXIT_PAPR_HCALL)
		return "has another exit";
	if (run->papr_hcall.nr != UC_SYNC)
		return "is interrupted";
	get_state(vcpu, out);
	/* Addresses become offsets, so that both places compare equal */
	for (i = 0; i < 32; i++)
		if (out->r.gpr[i] - base < WINDOW)
			out->r.gpr[i] -= base;
	return NULL;
}

static void on_alarm(int sig)
{
}

/*
 * @scalar: the less significant half of the VSR that is loaded is undefined
 * (Book I 4.6.2, 7.6.3)
 */
static bool same(const struct state *a, const struct state *b, bool scalar)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (a->r.gpr[i] != b->r.gpr[i]) {
			printf("# r%u %016llx, not %016llx\n", i,
			       (unsigned long long)a->r.gpr[i],
			       (unsigned long long)b->r.gpr[i]);
			ok = false;
		}
	for (i = 0; i < 64; i++)
		if (a->vsr[i][1] != b->vsr[i][1] ||
		    (!scalar && a->vsr[i][0] != b->vsr[i][0])) {
			printf("# vs%u %016lx%016lx, not %016lx%016lx\n", i,
			       a->vsr[i][1], a->vsr[i][0], b->vsr[i][1],
			       b->vsr[i][0]);
			ok = false;
		}
	return ok && a->r.cr == b->r.cr && a->r.xer == b->r.xer &&
	       a->r.lr == b->r.lr && a->r.ctr == b->r.ctr &&
	       a->r.msr == b->r.msr;
}

/* @max_exits if not 0; returns how many went wrong */
static unsigned int compare(struct vmm *vmm, struct vmm_vcpu *vcpu, bool le,
			    bool virt, const char *const *text,
			    const uint32_t *code, size_t n, size_t words,
			    unsigned int max_exits)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	uint8_t *ram = vmm_gpa(vmm, RAM), hole[WINDOW];
	unsigned int i, j, exits, bad = 0;
	struct state on_ram, on_mmio;

	sigaction(SIGALRM, &sa, NULL);
	for (i = 0; i < n; i++) {
		const uint32_t *insn = code + i * words;
		bool scalar = !strncmp(text[i], "lf", 2) ||
			      !strncmp(text[i], "lxs", 3) ||
			      !strncmp(text[i], "plf", 3);
		const char *why;
		bool ok;

		fill(ram);
		fill(hole);
		why = one(vmm, vcpu, le, virt, insn, words, RAM, ram, &on_ram,
			  &exits);
		if (why)
			vmm_die("%s on memory %s", text[i], why);
		why = one(vmm, vcpu, le, virt, insn, words, HOLE, hole,
			  &on_mmio, &exits);
		if (why) {
			printf("# wrong: %s %s\n", text[i], why);
			bad++;
			continue;
		}
		ok = exits && (!max_exits || exits <= max_exits);
		ok &= same(&on_mmio, &on_ram, scalar);
		for (j = 0; j < WINDOW; j++)
			if (ram[j] != hole[j]) {
				printf("# byte %d: %02x, not %02x\n",
				       (int)j - WINDOW / 2, hole[j], ram[j]);
				ok = false;
			}
		if (!ok) {
			printf("# wrong: %s, %u exits\n", text[i], exits);
			bad++;
		}
	}
	return bad;
}

#define COMPARE(name, exits)                                       \
	compare(self->vmm, self->vcpu, variant->le, variant->virt, \
		name##_text, name##_code, ARRAY_SIZE(name##_text), 1, exits)

#define TEST_FORMS(name, exits)                     \
	TEST_F(mmio, name)                          \
	{                                           \
		EXPECT_EQ(0, COMPARE(name, exits)); \
	}

TEST_FORMS(gpr_loads, 1)
TEST_FORMS(gpr_stores, 1)
TEST_FORMS(fp_loads, 1)
TEST_FORMS(fp_stores, 1)
TEST_FORMS(vmx_loads, 0)
TEST_FORMS(vmx_stores, 0)
TEST_FORMS(vsx_loads, 0)
TEST_FORMS(vsx_stores, 0)
TEST_FORMS(vsx3_loads, 0)
TEST_FORMS(vsx3_stores, 0)

TEST_F(mmio, quad)
{
	if (book3s_peer())
		SKIP(return, "kvm-hv.ko has no 16-byte forms of ISA 3.0");
	EXPECT_EQ(0, COMPARE(quad_loads, 0));
	EXPECT_EQ(0, COMPARE(quad_stores, 0));
}

TEST_F(mmio, strings)
{
	if (variant->le)
		SKIP(return, "little-endian has no string accesses");
	if (book3s_peer())
		SKIP(return, "kvm-hv.ko has no string accesses");
	EXPECT_EQ(0, COMPARE(strings, 0));
}

TEST_F(mmio, prefixed)
{
	if (!self->p10)
		SKIP(return, "no prefixed instructions before POWER10");
	EXPECT_EQ(0, compare(self->vmm, self->vcpu, variant->le, variant->virt,
			     prefixed_text, prefixed_code,
			     ARRAY_SIZE(prefixed_text), 2, 1));
}

static void start(struct vmm *vmm, struct vmm_vcpu *vcpu, uint64_t msr,
		  uint32_t insn, uint64_t r4)
{
	const uint32_t code[] = { insn, HCALL(UC_SYNC) };
	struct kvm_regs r = { .pc = CODE, .msr = msr };

	book3s_code(vmm, CODE, true, code, ARRAY_SIZE(code));
	r.gpr[4] = r4;
	r.gpr[5] = 0x0123456789abcdef;
	r.sprg0 = BOOK3S_SPRG0;
	book3s_set_regs(vcpu, &r);
}

FIXTURE(bare)
{
	struct vmm *vmm;
	struct vmm_vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(bare)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	self->vmm = vmm_new(MEM);
	if (book3s_wants_hash())
		SKIP(return, "in real mode there is only slot 0");
	book3s_load(self->vmm, PAYLOAD(exits));
	self->vcpu = book3s_add_vcpu(self->vmm, 0, MSR_REAL, 0, 0, 0);
	self->run = self->vcpu->run;
}

FIXTURE_TEARDOWN(bare)
{
	vmm_free(self->vmm);
}

/* What cannot be done on a device: a data storage interrupt */
TEST_F(bare, unsupported)
{
	static const uint32_t insn[] = { LWARX(5, 0, 4), LDARX(5, 0, 4) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insn); i++) {
		start(self->vmm, self->vcpu, MSR_REAL, insn[i], HOLE + 16);
		alarm(2);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		alarm(0);
		ASSERT_EQ((__u32)KVM_EXIT_PAPR_HCALL, self->run->exit_reason);
		EXPECT_EQ(UC_TRAP, self->run->papr_hcall.nr);
		EXPECT_EQ(0x300, self->run->papr_hcall.args[0]);
		EXPECT_EQ(CODE, self->run->papr_hcall.args[1]);
		EXPECT_EQ(HOLE + 16, self->run->papr_hcall.args[3]);
	}
}

/* A branch to where there is no memory goes nowhere, but can be stopped */
TEST_F(bare, fetch_from_nowhere)
{
	struct kvm_regs r = {
		.pc = HOLE,
		.msr = MSR_REAL,
		.sprg0 = BOOK3S_SPRG0,
	};

	book3s_set_regs(self->vcpu, &r);
	alarm(1);
	if (vmm_run(self->vcpu)) {
		EXPECT_EQ(EINTR, errno);
		vmm_get_regs(self->vcpu, &r);
		EXPECT_EQ(HOLE, r.pc);
	} else {
		/* or the guest gets an interrupt */
		EXPECT_EQ(UC_TRAP, self->run->papr_hcall.nr);
		EXPECT_EQ(0x400, self->run->papr_hcall.args[0]);
	}
}

/* The guest's tree leads to where there is no memory: a storage interrupt */
TEST_F(bare, tables_in_the_hole)
{
	uint64_t *root = vmm_gpa(self->vmm, GPA_TABLES);

	if (book3s_on_hash(self->vmm))
		SKIP(return, "a hashed page table has no levels");
	book3s_map(self->vmm, 0, 0, MEM, 21, RPTE_KERNEL);
	book3s_translate(self->vmm);
	/* root entry of 2^39 bytes: the next level is in the hole */
	root[3] = __builtin_bswap64(RPTE_VALID | HOLE | 9);
	start(self->vmm, self->vcpu, MSR_VIRT, LD(5, 0, 4), (3ull << 39) + 8);
	alarm(2);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	alarm(0);
	ASSERT_EQ((__u32)KVM_EXIT_PAPR_HCALL, self->run->exit_reason);
	EXPECT_EQ(UC_TRAP, self->run->papr_hcall.nr);
	EXPECT_EQ(0x300, self->run->papr_hcall.args[0]);
	EXPECT_EQ((3ull << 39) + 8, self->run->papr_hcall.args[3]);
}

/* KVM_RUN with immediate_exit finishes a load, and does nothing more */
TEST_F(bare, immediate_exit_completes)
{
	struct kvm_regs r;

	start(self->vmm, self->vcpu, MSR_REAL, LD(5, 0, 4), HOLE);
	ASSERT_EQ(0, vmm_run(self->vcpu));
	ASSERT_EQ((__u32)KVM_EXIT_MMIO, self->run->exit_reason);
	EXPECT_EQ(8, self->run->mmio.len);
	memcpy(self->run->mmio.data, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(0x0123456789abcdef, r.gpr[5]);
	self->run->immediate_exit = 1;
	EXPECT_EQ(-1, vmm_run(self->vcpu));
	EXPECT_EQ(EINTR, errno);
	vmm_get_regs(self->vcpu, &r);
	EXPECT_EQ(0x8877665544332211, r.gpr[5]);
	EXPECT_EQ(CODE + 4, r.pc);
	self->run->immediate_exit = 0;
	EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
}

/* As far as guest real addresses go */
TEST_F(bare, high_addresses)
{
	static const uint64_t gpa[] = { MEM, 1ull << 40, (1ull << 51) - 8,
					(1ull << 52) - 8 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(gpa); i++) {
		start(self->vmm, self->vcpu, MSR_REAL, STD(5, 0, 4), gpa[i]);
		ASSERT_EQ(0, vmm_run(self->vcpu));
		ASSERT_EQ((__u32)KVM_EXIT_MMIO, self->run->exit_reason);
		EXPECT_EQ(gpa[i], self->run->mmio.phys_addr);
		EXPECT_EQ(8, self->run->mmio.len);
		EXPECT_EQ(1, self->run->mmio.is_write);
		EXPECT_EQ(0xef, self->run->mmio.data[0]);
		EXPECT_EQ(UC_SYNC, book3s_run_hcall(self->vcpu));
	}
}

TEST_HARNESS_MAIN
