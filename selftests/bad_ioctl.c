// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong requests to every kind of descriptor: unknown numbers, other
 * architectures' numbers, bad pointers, closed and foreign descriptors; each
 * with the errno it has to give.
 */
#include "bad.h"

static const char *const kind_name[] = { "system", "VM", "vCPU", "VM stats",
					 "vCPU stats" };
/* the errno for unknown requests */
static const int unknown_errno[] = { EINVAL, ENOTTY, EINVAL, ENOTTY, ENOTTY };

/* Handled requests, and the capability (not 0) that they need to be */
static const struct known {
	int kind;
	unsigned long cmd;
	long cap;
} known[] = {
	{ SYSTEM, KVM_GET_API_VERSION },
	{ SYSTEM, KVM_CREATE_VM },
	{ SYSTEM, KVM_CHECK_EXTENSION },
	{ SYSTEM, KVM_GET_VCPU_MMAP_SIZE },
	{ VM, KVM_CHECK_EXTENSION },
	{ VM, KVM_CREATE_VCPU },
	{ VM, KVM_ENABLE_CAP },
	{ VM, KVM_SET_USER_MEMORY_REGION },
	{ VM, KVM_SET_USER_MEMORY_REGION2 },
	{ VM, KVM_GET_DIRTY_LOG },
	{ VM, KVM_CLEAR_DIRTY_LOG, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 },
	{ VM, KVM_REGISTER_COALESCED_MMIO },
	{ VM, KVM_UNREGISTER_COALESCED_MMIO },
	{ VM, KVM_IRQFD },
	{ VM, KVM_IOEVENTFD },
	{ VM, KVM_SIGNAL_MSI, KVM_CAP_SIGNAL_MSI },
	{ VM, KVM_IRQ_LINE },
	{ VM, KVM_IRQ_LINE_STATUS },
	{ VM, KVM_SET_GSI_ROUTING, KVM_CAP_IRQ_ROUTING },
	{ VM, KVM_SET_MEMORY_ATTRIBUTES, KVM_CAP_MEMORY_ATTRIBUTES },
	{ VM, KVM_CREATE_GUEST_MEMFD, KVM_CAP_GUEST_MEMFD },
	{ VM, KVM_CREATE_DEVICE },
	{ VM, KVM_RESET_DIRTY_RINGS },
	{ VM, KVM_GET_STATS_FD },
	{ VM, KVM_CREATE_SPAPR_TCE, KVM_CAP_SPAPR_TCE },
	{ VM, KVM_CREATE_SPAPR_TCE_64, KVM_CAP_SPAPR_TCE_64 },
	{ VM, KVM_PPC_RTAS_DEFINE_TOKEN, KVM_CAP_PPC_RTAS },
	{ VM, KVM_PPC_ALLOCATE_HTAB, KVM_CAP_PPC_ALLOC_HTAB },
	{ VM, KVM_PPC_GET_HTAB_FD, KVM_CAP_PPC_HTAB_FD },
	{ VM, KVM_PPC_RESIZE_HPT_PREPARE, KVM_CAP_SPAPR_RESIZE_HPT },
	{ VM, KVM_PPC_RESIZE_HPT_COMMIT, KVM_CAP_SPAPR_RESIZE_HPT },
#ifdef __powerpc64__
	{ VM, KVM_PPC_GET_PVINFO },
	{ VM, KVM_PPC_GET_SMMU_INFO },
	{ VM, KVM_PPC_CONFIGURE_V3_MMU },
	{ VM, KVM_PPC_GET_RMMU_INFO },
	{ VM, KVM_PPC_GET_CPU_CHAR },
	{ VM, KVM_PPC_SVM_OFF },
	{ VM, KVM_PPC_GET_COMPAT_CAPS },
#endif
	{ VCPU, KVM_RUN },
	{ VCPU, KVM_GET_REGS },
	{ VCPU, KVM_SET_REGS },
	{ VCPU, KVM_GET_SREGS },
	{ VCPU, KVM_SET_SREGS },
	{ VCPU, KVM_GET_FPU },
	{ VCPU, KVM_SET_FPU },
	{ VCPU, KVM_GET_MP_STATE },
	{ VCPU, KVM_SET_MP_STATE },
	{ VCPU, KVM_TRANSLATE },
	{ VCPU, KVM_SET_GUEST_DEBUG },
	{ VCPU, KVM_SET_SIGNAL_MASK },
	{ VCPU, KVM_GET_STATS_FD },
	{ VCPU, KVM_INTERRUPT },
	{ VCPU, KVM_ENABLE_CAP },
	{ VCPU, KVM_GET_ONE_REG },
	{ VCPU, KVM_SET_ONE_REG },
};

static bool is_known(struct vmm *vmm, int kind, unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].kind == kind && known[i].cmd == cmd &&
		    (!known[i].cap || vmm_check(vmm, known[i].cap) > 0))
			return true;
	return false;
}

/* Every number, direction and the sizes that uapi structures have */
TEST_F(bad, unknown_numbers)
{
	static const unsigned int sizes[] = { 0,  1,  2,  4,   8,   12,	  16,
					      20, 24, 28, 32,  40,  48,	  56,
					      64, 72, 80, 104, 128, 0x400 };
	unsigned int dir, nr, s;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (dir = 0; dir < 8; dir++) {
			for (nr = 0; nr < 256; nr++) {
				for (s = 0; s < ARRAY_SIZE(sizes); s++) {
					unsigned long cmd =
						_IOC(dir, KVMIO, nr, sizes[s]);

					if (is_known(self->vmm, kind, cmd))
						continue;
					errno = 0;
					EXPECT_EQ(-1, ioctl(self->fd[kind], cmd,
							    self->edge));
					EXPECT_EQ(unknown_errno[kind], errno)
					{
						TH_LOG("%s: %#lx",
						       kind_name[kind], cmd);
					}
				}
			}
		}
	}
}

/* Those whose argument this architecture's headers know, as they define them */
static const struct {
	unsigned long cmd;
	const char *name;
} foreign[] = {
#define F(x) { x, #x }
	F(KVM_S390_ENABLE_SIE),
	F(KVM_SET_NR_MMU_PAGES),
	F(KVM_GET_NR_MMU_PAGES),
	F(KVM_SET_TSS_ADDR),
	F(KVM_SET_IDENTITY_MAP_ADDR),
	F(KVM_S390_VCPU_FAULT),
	F(KVM_CREATE_IRQCHIP),
	F(KVM_GET_IRQCHIP),
	F(KVM_SET_IRQCHIP),
	F(KVM_CREATE_PIT),
	F(KVM_REINJECT_CONTROL),
	F(KVM_SET_BOOT_CPU_ID),
	F(KVM_SET_CLOCK),
	F(KVM_GET_CLOCK),
	F(KVM_SET_TSC_KHZ),
	F(KVM_GET_TSC_KHZ),
	F(KVM_ALLOCATE_RMA),
	F(KVM_ARM_SET_DEVICE_ADDR),
	F(KVM_SET_DEVICE_ATTR),
	F(KVM_GET_DEVICE_ATTR),
	F(KVM_HAS_DEVICE_ATTR),
	F(KVM_TPR_ACCESS_REPORTING),
	F(KVM_SET_VAPIC_ADDR),
	F(KVM_S390_STORE_STATUS),
	F(KVM_S390_INITIAL_RESET),
	F(KVM_NMI),
	F(KVM_DIRTY_TLB),
	F(KVM_KVMCLOCK_CTRL),
	F(KVM_GET_REG_LIST),
	F(KVM_SMI),
	F(KVM_MEMORY_ENCRYPT_OP),
	F(KVM_ARM_VCPU_FINALIZE),
	F(KVM_S390_NORMAL_RESET),
	F(KVM_PRE_FAULT_MEMORY),
#undef F
};

TEST_F(bad, foreign)
{
	unsigned int i;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(foreign); i++) {
			errno = 0;
			EXPECT_EQ(-1, ioctl(self->fd[kind], foreign[i].cmd,
					    self->edge));
			EXPECT_EQ(unknown_errno[kind], errno)
			{
				TH_LOG("%s: %s", kind_name[kind],
				       foreign[i].name);
			}
		}
	}
}

/* One kind's requests to another kind's descriptor */
TEST_F(bad, wrong_kind)
{
	unsigned int i;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(known); i++) {
			if (is_known(self->vmm, kind, known[i].cmd))
				continue;
			errno = 0;
			EXPECT_EQ(-1, ioctl(self->fd[kind], known[i].cmd,
					    self->edge));
			EXPECT_EQ(unknown_errno[kind], errno)
			{
				TH_LOG("%s: %#lx", kind_name[kind],
				       known[i].cmd);
			}
		}
	}
}

TEST_F(bad, other_ioctl_types)
{
	int kind, type;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (type = 0x80; type < 0x100; type++) {
			if (type == KVMIO)
				continue;
			errno = 0;
			EXPECT_EQ(-1,
				  ioctl(self->fd[kind], _IO(type, 0x80), 0));
			EXPECT_EQ(unknown_errno[kind], errno);
		}
	}
}

/* Only a 440 has it */
#ifdef __powerpc64__
#define GET_FPU_ERRNO EOPNOTSUPP
#else
#define GET_FPU_ERRNO EFAULT
#endif

/* Requests whose argument is at an unmapped address */
TEST_F(bad, addresses)
{
	static const struct {
		int kind;
		unsigned long cmd;
		size_t size;
		bool out; /* writes only */
		int err; /* if not EFAULT */
	} t[] = {
		{ VM, KVM_ENABLE_CAP, sizeof(struct kvm_enable_cap) },
		{ VM, KVM_SET_USER_MEMORY_REGION,
		  sizeof(struct kvm_userspace_memory_region) },
		{ VM, KVM_SET_USER_MEMORY_REGION2,
		  sizeof(struct kvm_userspace_memory_region2) },
		{ VM, KVM_GET_DIRTY_LOG, sizeof(struct kvm_dirty_log) },
		{ VM, KVM_REGISTER_COALESCED_MMIO,
		  sizeof(struct kvm_coalesced_mmio_zone) },
		{ VM, KVM_UNREGISTER_COALESCED_MMIO,
		  sizeof(struct kvm_coalesced_mmio_zone) },
		{ VM, KVM_IRQFD, sizeof(struct kvm_irqfd) },
		{ VM, KVM_IOEVENTFD, sizeof(struct kvm_ioeventfd) },
		{ VM, KVM_IRQ_LINE, sizeof(struct kvm_irq_level) },
		{ VM, KVM_IRQ_LINE_STATUS, sizeof(struct kvm_irq_level) },
		{ VM, KVM_CREATE_DEVICE, sizeof(struct kvm_create_device) },
		{ VM, KVM_PPC_GET_PVINFO, sizeof(struct kvm_ppc_pvinfo), true },
		{ VM, KVM_CREATE_SPAPR_TCE,
		  sizeof(struct kvm_create_spapr_tce) },
		{ VM, KVM_CREATE_SPAPR_TCE_64,
		  sizeof(struct kvm_create_spapr_tce_64) },
		{ VM, KVM_PPC_GET_SMMU_INFO, sizeof(struct kvm_ppc_smmu_info),
		  true },
		{ VM, KVM_PPC_CONFIGURE_V3_MMU,
		  sizeof(struct kvm_ppc_mmuv3_cfg) },
		{ VM, KVM_PPC_GET_RMMU_INFO, sizeof(struct kvm_ppc_rmmu_info),
		  true },
		{ VM, KVM_PPC_GET_CPU_CHAR, sizeof(struct kvm_ppc_cpu_char),
		  true },
		{ VCPU, KVM_GET_REGS, sizeof(struct kvm_regs), true },
		{ VCPU, KVM_SET_REGS, sizeof(struct kvm_regs) },
		{ VCPU, KVM_GET_SREGS, sizeof(struct kvm_sregs), true },
		{ VCPU, KVM_SET_SREGS, sizeof(struct kvm_sregs) },
		{ VCPU, KVM_GET_FPU, sizeof(struct kvm_fpu), true,
		  GET_FPU_ERRNO },
		{ VCPU, KVM_SET_FPU, sizeof(struct kvm_fpu) },
		{ VCPU, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state) },
		{ VCPU, KVM_TRANSLATE, sizeof(struct kvm_translation) },
		{ VCPU, KVM_SET_GUEST_DEBUG, sizeof(struct kvm_guest_debug) },
		{ VCPU, KVM_INTERRUPT, sizeof(struct kvm_interrupt) },
		{ VCPU, KVM_ENABLE_CAP, sizeof(struct kvm_enable_cap) },
		{ VCPU, KVM_GET_ONE_REG, sizeof(struct kvm_one_reg) },
		{ VCPU, KVM_SET_ONE_REG, sizeof(struct kvm_one_reg) },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		int unknown = is_known(self->vmm, t[i].kind, t[i].cmd) ?
				      0 :
				      unknown_errno[t[i].kind];
		char *bad[] = {
			NULL,
			(char *)8,
			self->edge + self->page,
			self->edge + self->page - t[i].size + 1,
			(char *)(1ul << (__WORDSIZE - 2)),
			t[i].out ? self->ro : NULL,
			/*
			 * Kernel addresses only for writing: the host's own
			 * copy_from_user() does not refuse them, it reads
			 * elsewhere.
			 */
			t[i].out ? (char *)(3ul << (__WORDSIZE - 2)) : NULL,
			t[i].out ? (char *)-8ul : NULL,
		};
		int want = unknown ?: t[i].err ?: EFAULT;

		/* PR has no radix */
		if (t[i].cmd == KVM_PPC_GET_RMMU_INFO &&
		    guest_on_hash(self->vmm))
			want = guest_peer() ? EINVAL : ENOTTY;

		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			errno = 0;
			EXPECT_EQ(-1,
				  ioctl(self->fd[t[i].kind], t[i].cmd, bad[j]));
			EXPECT_EQ(want, errno)
			{
				TH_LOG("%s: %#lx at %p", kind_name[t[i].kind],
				       t[i].cmd, bad[j]);
			}
		}
	}
}

/* The largest structures at the very end of memory, and unaligned */
TEST_F(bad, edge_is_good)
{
	struct kvm_regs regs;
	char *p = self->edge + self->page - sizeof(regs);

	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_REGS, p));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_REGS, p));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_REGS, p - 1));
	EXPECT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_REGS, p - 1));
	if (is_known(self->vmm, VM, KVM_PPC_GET_SMMU_INFO))
		EXPECT_EQ(0, ioctl(self->vmm->fd, KVM_PPC_GET_SMMU_INFO,
				   self->edge + self->page -
					   sizeof(struct kvm_ppc_smmu_info)));
}

TEST_F(bad, closed)
{
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		close(self->fd[kind]);
		REFUSED(self->fd[kind], KVM_CHECK_EXTENSION, 0ul, EBADF);
	}
}

/* Descriptors are not files */
TEST_F(bad, file_operations)
{
	char buf[16];
	int kind;

	for (kind = 0; kind <= VCPU; kind++) {
		EXPECT_EQ(-1, read(self->fd[kind], buf, sizeof(buf)));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, write(self->fd[kind], buf, sizeof(buf)));
		EXPECT_EQ(EINVAL, errno);
		if (kind == VCPU)
			continue;
		EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ,
					   MAP_SHARED, self->fd[kind], 0));
		EXPECT_EQ(ENODEV, errno);
	}
	EXPECT_EQ(-1, write(self->fd[VM_STATS], buf, sizeof(buf)));
	EXPECT_EQ(EBADF, errno);
}

TEST_HARNESS_MAIN
