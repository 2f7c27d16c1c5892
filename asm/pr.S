/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry to a guest that runs in problem state, and exit from it: what Rust
 * cannot do, which is to make a stack frame, and to save the registers that
 * vmlinux's part of the switch does not save. See Documentation/pr.rst.
 */
#include <asm/asm-offsets.h>
#include <asm/exception-64s.h>
#include <asm/ppc_asm.h>
#include <asm/ptrace.h>
#include <asm/reg.h>

#include "pr_switch.h"

#define NVGPRS		18
#define FRAME_REGS	(STACK_FRAME_MIN_SIZE)		/* r14 to r31 */
#define FRAME_GUEST	(FRAME_REGS + NVGPRS * 8)	/* r3 */
#define FRAME_SIZE	(FRAME_GUEST + 16)

/*
 * Unused entries of the shadow vcpu's SLB hold what the exit path needs while
 * it can only access the PACA
 */
#define SVCPU_SEGMENTS	(SVCPU_SLB + KVM_PPC_PR_SLB_HOST * 16)
#define SVCPU_COUNT	(SVCPU_SLB + KVM_PPC_PR_SLB_COUNT * 16)
#define SVCPU_RETURN	(SVCPU_SLB + KVM_PPC_PR_SLB_RETURN * 16)
#define SVCPU_PACA	(SVCPU_SLB + KVM_PPC_PR_SLB_PACA * 16)

/*
 * u32 kvm_ppc_pr_enter(u64 nvgprs[18], u64 msr, u64 exit, u64 trampoline)
 *
 * In:  r3   the guest's GPRs 14 to 31
 *      r4   the MSR to run it with
 *      r5   kvm_ppc_pr_exit_real's real address, with the segments that it loads
 *           in the shadow vcpu; or 0 to come back by virtual addresses
 *      r6   kvmppc_entry_trampoline
 *      the rest of the guest's registers in the PACA's shadow vcpu; MSR[EE] is 0
 * Out: r3   the interrupt's vector
 *      nvgprs and the shadow vcpu hold the guest's registers; MSR[EE] is 0
 *
 * vmlinux enters the guest. When the guest exits, vmlinux goes on at the
 * address that was in the link register, with the old r1, r2 and r13, the
 * vector in r12, and the MSR that the trampoline was called with, but with
 * MSR[EE] set. All interrupts are masked in software, so one that comes before
 * MSR[EE] is cleared again is only noted.
 */
_GLOBAL(kvm_ppc_pr_enter)
	mflr	r0
	std	r0, 16(r1)
	mfcr	r0
	stw	r0, 8(r1)
	stdu	r1, -FRAME_SIZE(r1)
	std	r2, 24(r1)
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

	mr	r12, r6
	cmpdi	r5, 0
	beq	2f
	bcl	20, 31, 1f
1:	mflr	r7
	addi	r7, r7, 3f - 1b
	mfmsr	r8
	std	r7, SVCPU_RETURN(r13)
	std	r8, (SVCPU_RETURN + 8)(r13)
	mtlr	r5
	li	r0, MSR_IR | MSR_DR
	andc	r8, r8, r0
	clrldi	r7, r12, 4
	li	r0, 0
	mtmsrd	r0, 1
	mtsrr0	r7
	mtsrr1	r8
	RFI_TO_KERNEL

2:	mtctr	r12
	bctrl
	li	r0, MSR_RI
	mtmsrd	r0, 1

3:	ld	r2, 24(r1)
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

/*
 * The guest's exit comes here in real mode, with only the host's bolted
 * segments in the SLB. This loads the other segments that were there before the
 * guest, the module's and the process's; otherwise each would cost an SLB miss,
 * whose handler in vmlinux is slow because of its mitigations. Then it goes on
 * at 3 above.
 *
 * In:  r1, r2, r12, r13 as above
 * Out: at 3 above, with translation on and MSR[EE] 0; r0, r3 to r5, CTR and CR
 *      are lost
 *
 * MSR[EE] is cleared first. Before SRR0 and SRR1 are loaded MSR[RI] is cleared
 * too, because an interrupt would change them.
 *
 * An interrupt of the host's may come before that, and one that cannot be
 * masked may come at any time. It may have made an entry for a segment that is
 * about to be loaded here, or was loaded. Two entries for one segment cause a
 * machine check when an address in it is translated. Nothing is translated
 * here, so if the host has made entries, all those that were loaded here are
 * invalidated again.
 *
 * This is executed at its real address, so it must not cross the end of a page.
 */
	.balign	256
_GLOBAL(kvm_ppc_pr_exit_real)
	li	r0, MSR_RI
	mtmsrd	r0, 1
	ld	r0, SVCPU_COUNT(r13)
	mtctr	r0
	addi	r3, r13, SVCPU_SEGMENTS - 8
1:	ld	r4, 8(r3)
	ldu	r5, 16(r3)
	slbmte	r5, r4
	bdnz	1b
	ld	r4, SVCPU_PACA(r13)
	ld	r5, (SVCPU_PACA + 8)(r13)
	ldx	r4, r4, r13
	cmpd	r4, r5
	bne-	4f
#ifdef CONFIG_DEBUG_VM
	ld	r4, (SVCPU_PACA + 16)(r13)
	ld	r5, (SVCPU_PACA + 24)(r13)
	lbzx	r4, r4, r13
	cmpd	r4, r5
	bne-	4f
#endif
2:	ld	r3, SVCPU_RETURN(r13)
	ld	r4, (SVCPU_RETURN + 8)(r13)
	li	r0, 0
	mtmsrd	r0, 1
	mtsrr0	r3
	mtsrr1	r4
	RFI_TO_KERNEL

4:	mtctr	r0
	addi	r3, r13, SVCPU_SEGMENTS - 16
	li	r5, 0
5:	ldu	r4, 16(r3)
	clrldi	r4, r4, 52
	slbmte	r5, r4
	bdnz	5b
	b	2b
	.if	. - kvm_ppc_pr_exit_real > 256
	.error	"may cross a page"
	.endif

	.section .note.GNU-stack, "", @progbits
