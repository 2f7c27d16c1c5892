/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Definitions that the 440's world switch, asm/e44x.S, shares with its callers:
 * a vCPU's registers, and the layout of the block of memory that it runs in.
 */
#ifndef KVM_PPC_E44X_SWITCH_H
#define KVM_PPC_E44X_SWITCH_H

/*
 * The block has 64 KB, the alignment that IVPR needs: vectors at the host's
 * offsets and, between them, a pointer to the context of the running vCPU, and
 * the code.
 */
#define E44X_BLOCK_SIZE 0x10000
#define E44X_CURRENT 0x3ff0
#define E44X_CODE 0x4000

/* Offsets of the code's entry points */
#define E44X_ENTER 0x0
#define E44X_TLB_WRITE 0x4
#define E44X_TLB_READ 0x8
#define E44X_INTERRUPT 0xc
#define E44X_CRITICAL 0x10

/* Offsets in struct kvm_ppc_e44x_context */
#define E44X_GPR(n) ((n) * 4)
#define E44X_CR 128
#define E44X_LR 132
#define E44X_CTR 136
#define E44X_XER 140
#define E44X_NIP 144
#define E44X_MSR 148
#define E44X_PID 152
#define E44X_SPRG4 156
#define E44X_SPRG5 160
#define E44X_SPRG6 164
#define E44X_SPRG7 168
#define E44X_USPRG0 172
#define E44X_ESR 176
#define E44X_DEAR 180
#define E44X_INSN 184
#define E44X_BLOCK 188
#define E44X_DBCR0 192
#define E44X_HOST_R1 196
#define E44X_HOST_MSR 200
#define E44X_HOST_IVPR 204
#define E44X_HOST_PID 208
#define E44X_HOST_USPRG0 212
#define E44X_HOST_DBCR0 216
#define E44X_FORGET_CODE 220
#define E44X_RESERVED 224

#ifndef __ASSEMBLER__
#include <linux/types.h>

struct kvm_ppc_e44x_context {
	u32 gpr[32];
	u32 cr;
	u32 lr;
	u32 ctr;
	u32 xer;
	u32 nip;
	u32 msr; /* the hardware's, while the guest runs */
	u32 pid; /* the hardware's, while the guest runs */
	u32 sprg4_7[4];
	u32 usprg0;
	u32 esr; /* of the interrupt that ended the guest */
	u32 dear; /* as esr */
	u32 insn; /* the one at nip, after a program interrupt; 0: unknown */
	u32 block; /* address of the block */
	u32 dbcr0; /* the hardware's, while the guest runs */
	u32 host_r1; /* from here on used by the switch only */
	u32 host_msr;
	u32 host_ivpr;
	u32 host_pid;
	u32 host_usprg0;
	u32 host_dbcr0;
	u32 forget_code; /* not 0: make the instruction cache invalid */
	u32 reserved; /* target of a stwcx. that clears reservations */
};
#endif

#endif
