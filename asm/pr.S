/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Into a guest that runs in problem state and out of it, as far as Rust cannot
 * say it: a stack frame, and the registers that vmlinux's part of the switch
 * does not save. Documentation/pr.rst.
 */
#include <asm/ppc_asm.h>
#include <asm/ptrace.h>
#include <asm/reg.h>

#define NVGPRS		18
#define FRAME_REGS	(STACK_FRAME_MIN_SIZE)		/* r14 to r31 */
#define FRAME_GUEST	(FRAME_REGS + NVGPRS * 8)	/* r3 */
#define FRAME_SIZE	(FRAME_GUEST + 16)

/*
 * u32 kvm_ppc_pr_enter(u64 nvgprs[18], u64 msr)
 *
 * In:  r3   the guest's GPRs 14 to 31
 *      r4   the MSR to run it with
 *      the rest of its registers in the PACA's shadow vcpu; MSR[EE] is 0
 * Out: r3   the interrupt's vector
 *      nvgprs and the shadow vcpu hold the guest's registers; MSR[EE] is 0
 *
 * vmlinux enters the guest and, when that exits, comes back to where the link
 * register points, with r1, r2 and r13 as they were, the vector in r12, and
 * MSR[EE] set. The caller has all interrupts masked in software, so one that
 * comes before MSR[EE] is cleared again is only noted.
 */
_GLOBAL(kvm_ppc_pr_enter)
	mflr	r0
	std	r0, 16(r1)
	mfcr	r0
	stw	r0, 8(r1)
	stdu	r1, -FRAME_SIZE(r1)
	reg = 14
	.rept	NVGPRS
	std	reg, (FRAME_REGS + (reg - 14) * 8)(r1)
	reg = reg + 1
	.endr
	std	r3, FRAME_GUEST(r1)

	reg = 14
	.rept	NVGPRS
	ld	reg, ((reg - 14) * 8)(r3)
	reg = reg + 1
	.endr

	bl	kvmppc_entry_trampoline
	nop

	li	r0, MSR_RI
	mtmsrd	r0, 1
	ld	r3, FRAME_GUEST(r1)
	reg = 14
	.rept	NVGPRS
	std	reg, ((reg - 14) * 8)(r3)
	reg = reg + 1
	.endr

	reg = 14
	.rept	NVGPRS
	ld	reg, (FRAME_REGS + (reg - 14) * 8)(r1)
	reg = reg + 1
	.endr
	addi	r1, r1, FRAME_SIZE
	ld	r0, 16(r1)
	mtlr	r0
	lwz	r0, 8(r1)
	mtcr	r0
	mr	r3, r12
	blr

	.section .note.GNU-stack, "", @progbits
