/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The 440's world switch. This code is copied into a block of lowmem, which the
 * host maps by a pinned TLB entry, and runs there, so it must be
 * position-independent. While IVPR points to the block's vectors, it accesses
 * only the block and the vCPU's context, which are both in lowmem, so that no
 * TLB miss can happen then.
 *
 * It may use SPRG0, 1, 2 and 4 to 7 during that time: the host uses them only
 * in its own vectors while interrupts are off. SPRG3 keeps the host's value.
 */
#include <asm/mmu.h>
#include <asm/ppc_asm.h>
#include <asm/reg.h>
#include <asm/reg_booke.h>
#include "e44x_switch.h"

#define FRAME 112

	.section .rodata.e44x, "a"
	.balign 4
	.globl kvm_ppc_e44x_code
kvm_ppc_e44x_code:
	b	enter
	b	tlb_write
	b	tlb_read
	b	interrupt
	b	critical

/*
 * u32 enter(struct kvm_ppc_e44x_context *r3): runs the guest until an
 * interrupt, whose IVOR's number is returned. MSR[EE] = 0.
 */
enter:
	stwu	r1, -FRAME(r1)
	mflr	r0
	stw	r0, FRAME + 4(r1)
	mfcr	r0
	stw	r0, 8(r1)
	stw	r2, 12(r1)
	stmw	r13, 16(r1)
	stw	r1, E44X_HOST_R1(r3)

	mfspr	r4, SPRN_IVPR
	mfspr	r5, SPRN_PID
	mfspr	r6, SPRN_USPRG0
	mfspr	r7, SPRN_DBCR0
	stw	r4, E44X_HOST_IVPR(r3)
	stw	r5, E44X_HOST_PID(r3)
	stw	r6, E44X_HOST_USPRG0(r3)
	stw	r7, E44X_HOST_DBCR0(r3)

	/*
	 * From here on until the guest runs, no interrupt of any class is enabled:
	 * after one, the guest would run with the host's vectors.
	 */
	mfmsr	r4
	stw	r4, E44X_HOST_MSR(r3)
	lis	r5, (MSR_CE | MSR_EE | MSR_ME | MSR_DE)@h
	ori	r5, r5, (MSR_CE | MSR_EE | MSR_ME | MSR_DE)@l
	andc	r4, r4, r5
	mtmsr	r4
	isync

	lwz	r4, E44X_BLOCK(r3)
	stw	r3, E44X_CURRENT(r4)
	mtspr	SPRN_IVPR, r4
	lwz	r5, E44X_DBCR0(r3)
	mtspr	SPRN_DBCR0, r5
	lwz	r5, E44X_PID(r3)
	mtspr	SPRN_PID, r5
	isync

	/*
	 * Invalidates instructions that were fetched under this PID but for another
	 * context, or from pages that are mapped elsewhere now. Lines that the data
	 * cache was told to write back have to be in memory before instructions are
	 * fetched from there, hence the sync.
	 */
	lwz	r4, E44X_FORGET_CODE(r3)
	cmpwi	r4, 0
	beq	1f
	sync
	iccci	0, r3
	sync
	isync
1:
	/* Clears a reservation that the host may have */
	addi	r4, r3, E44X_RESERVED
	stwcx.	r4, 0, r4

	lwz	r4, E44X_SPRG4(r3)
	lwz	r5, E44X_SPRG5(r3)
	lwz	r6, E44X_SPRG6(r3)
	lwz	r7, E44X_SPRG7(r3)
	lwz	r8, E44X_USPRG0(r3)
	mtspr	SPRN_SPRG4W, r4
	mtspr	SPRN_SPRG5W, r5
	mtspr	SPRN_SPRG6W, r6
	mtspr	SPRN_SPRG7W, r7
	mtspr	SPRN_USPRG0, r8

	lwz	r4, E44X_NIP(r3)
	lwz	r5, E44X_MSR(r3)
	lwz	r6, E44X_CR(r3)
	lwz	r7, E44X_LR(r3)
	lwz	r8, E44X_CTR(r3)
	lwz	r9, E44X_XER(r3)
	mtspr	SPRN_SRR0, r4
	mtspr	SPRN_SRR1, r5
	mtcr	r6
	mtlr	r7
	mtctr	r8
	mtxer	r9

	lwz	r0, E44X_GPR(0)(r3)
	lwz	r1, E44X_GPR(1)(r3)
	lwz	r2, E44X_GPR(2)(r3)
	lmw	r4, E44X_GPR(4)(r3)
	lwz	r3, E44X_GPR(3)(r3)
	rfi

/*
 * Interrupts other than critical ones. The vector has put the guest's r3 into
 * SPRG0, and the IVOR's number into r3. SRR0 and SRR1 tell where it was.
 */
interrupt:
	mtspr	SPRN_SPRG1, r4
	mfcr	r4
	mtspr	SPRN_SPRG4W, r4
	mfspr	r4, SPRN_SRR1
	andi.	r4, r4, MSR_PR
	beq	skip

	mfspr	r4, SPRN_IVPR
	lwz	r4, E44X_CURRENT(r4)
	stw	r0, E44X_GPR(0)(r4)
	stw	r1, E44X_GPR(1)(r4)
	stw	r2, E44X_GPR(2)(r4)
	stmw	r5, E44X_GPR(5)(r4)
	mfspr	r5, SPRN_SPRG0
	mfspr	r6, SPRN_SPRG1
	mfspr	r7, SPRN_SPRG4R
	mflr	r8
	mfctr	r9
	mfxer	r10
	stw	r5, E44X_GPR(3)(r4)
	stw	r6, E44X_GPR(4)(r4)
	stw	r7, E44X_CR(r4)
	stw	r8, E44X_LR(r4)
	stw	r9, E44X_CTR(r4)
	stw	r10, E44X_XER(r4)
	mfspr	r5, SPRN_SRR0
	mfspr	r6, SPRN_ESR
	mfspr	r7, SPRN_DEAR
	mfspr	r8, SPRN_USPRG0
	stw	r5, E44X_NIP(r4)
	stw	r6, E44X_ESR(r4)
	stw	r7, E44X_DEAR(r4)
	stw	r8, E44X_USPRG0(r4)

	/*
	 * Load the instruction for emulation, as data of the guest's address
	 * space
	 */
	cmpwi	r3, 6
	bne	leave
	mfmsr	r7
	ori	r8, r7, MSR_DS
	mtmsr	r8
	isync
	lwz	r10, 0(r5)
	mtmsr	r7
	isync
	stw	r10, E44X_INSN(r4)

leave:
	lwz	r5, E44X_HOST_IVPR(r4)
	lwz	r6, E44X_HOST_PID(r4)
	lwz	r7, E44X_HOST_USPRG0(r4)
	lwz	r8, E44X_HOST_DBCR0(r4)
	lwz	r9, E44X_HOST_MSR(r4)
	mtspr	SPRN_IVPR, r5
	mtspr	SPRN_PID, r6
	mtspr	SPRN_USPRG0, r7
	mtspr	SPRN_DBCR0, r8
	isync
	/*
	 * Clears the event that single-stepping has left in DBSR, so that the host
	 * does not see it. No new one comes, because the interrupt or `critical` has
	 * cleared MSR[DE].
	 */
	lwz	r10, E44X_DBCR0(r4)
	cmpwi	r10, 0
	beq	1f
	lis	r10, DBSR_IC@h
	mtspr	SPRN_DBSR, r10
1:
	/*
	 * Critical interrupts that `critical` has deferred come now, to the host
	 */
	mtmsr	r9
	isync

	lwz	r1, E44X_HOST_R1(r4)
	lmw	r13, 16(r1)
	lwz	r2, 12(r1)
	lwz	r0, 8(r1)
	mtcr	r0
	lwz	r0, FRAME + 4(r1)
	mtlr	r0
	addi	r1, r1, FRAME
	blr

/*
 * The interrupt did not come from the guest, but from the load of its
 * instruction above, which had no translation or was not permitted. The load
 * gives 0 then, which is no instruction.
 */
skip:
	mfspr	r4, SPRN_SRR0
	addi	r4, r4, 4
	mtspr	SPRN_SRR0, r4
	li	r10, 0
	mfspr	r4, SPRN_SPRG4R
	mtcr	r4
	mfspr	r4, SPRN_SPRG1
	mfspr	r3, SPRN_SPRG0
	rfi

/*
 * Critical interrupts and machine checks. The vector has put r3 into SPRG2, and
 * the IVOR's number into r3. If it came from the guest, it is an exit like any
 * other. If it came on the way out of the guest, the interrupted code goes on
 * with these interrupts disabled. Their sources stay asserted, and the host
 * takes the interrupt when it has its vectors and MSR back.
 */
critical:
	mtspr	SPRN_SPRG7W, r4
	mfcr	r4
	mtspr	SPRN_SPRG6W, r4
	mfspr	r4, SPRN_CSRR1
	andi.	r4, r4, MSR_PR
	bne	1f
	mfspr	r4, SPRN_CSRR1
	rlwinm	r4, r4, 0, 15, 13 /* MSR_CE */
	rlwinm	r4, r4, 0, 20, 18 /* MSR_ME */
	rlwinm	r4, r4, 0, 23, 21 /* MSR_DE */
	mtspr	SPRN_CSRR1, r4
	mfspr	r4, SPRN_SPRG6R
	mtcr	r4
	mfspr	r4, SPRN_SPRG7R
	mfspr	r3, SPRN_SPRG2
	rfci

1:	mfspr	r4, SPRN_CSRR0
	mtspr	SPRN_SRR0, r4
	mfspr	r4, SPRN_CSRR1
	mtspr	SPRN_SRR1, r4
	mfspr	r4, SPRN_SPRG6R
	mtcr	r4
	mfspr	r4, SPRN_SPRG2
	mtspr	SPRN_SPRG0, r4
	mfspr	r4, SPRN_SPRG7R
	b	interrupt

/*
 * void tlb_write(u32 index, u32 word0, u32 word1, u32 word2, u32 tid): writes
 * an entry. The host's TLB miss handler might choose the same entry between two
 * of its words, so this must not miss, nor be interrupted.
 */
tlb_write:
	mfmsr	r9
	lis	r10, (MSR_CE | MSR_EE | MSR_DE)@h
	ori	r10, r10, (MSR_CE | MSR_EE | MSR_DE)@l
	andc	r10, r9, r10
	mtmsr	r10
	isync
	mfspr	r8, SPRN_MMUCR
	rlwinm	r10, r8, 0, 0, 23
	rlwimi	r10, r7, 0, 24, 31 /* STID */
	mtspr	SPRN_MMUCR, r10
	li	r10, 0
	tlbwe	r10, r3, PPC44x_TLB_PAGEID
	tlbwe	r5, r3, PPC44x_TLB_XLAT
	tlbwe	r6, r3, PPC44x_TLB_ATTRIB
	tlbwe	r4, r3, PPC44x_TLB_PAGEID
	mtspr	SPRN_MMUCR, r8
	isync
	mtmsr	r9
	isync
	blr

/* u32 tlb_read(u32 index): word 0 of an entry */
tlb_read:
	mfmsr	r9
	lis	r10, (MSR_CE | MSR_EE | MSR_DE)@h
	ori	r10, r10, (MSR_CE | MSR_EE | MSR_DE)@l
	andc	r10, r9, r10
	mtmsr	r10
	isync
	mfspr	r8, SPRN_MMUCR
	tlbre	r3, r3, PPC44x_TLB_PAGEID
	mtspr	SPRN_MMUCR, r8
	isync
	mtmsr	r9
	isync
	blr

	.globl kvm_ppc_e44x_code_end
kvm_ppc_e44x_code_end:
	.long	0
