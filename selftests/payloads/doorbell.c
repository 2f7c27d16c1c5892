// SPDX-License-Identifier: GPL-2.0
/*
 * Privileged doorbells between the threads of a core (Book III, "Directed Privileged
 * Doorbell"): @id is the vCPU's, @role what it is to do, and @tir whether TIR is looked at.
 */
#include "guest.h"

#include "doorbell.h"

#define SPR_DPDES 176
#define SPR_TIR 446
#define FAR 0x7fffffff
/* The message: bits 32:36 are its type, the lowest ones the thread */
#define DIRECTED (5ul << 27)
#define OTHER_TYPE (4ul << 27)

#define doorbells ((struct doorbells *)DOORBELLS)

/* The vCPU's id; nothing else uses the thread's pointer */
register u64 self asm("r13");

void interrupt(struct frame *f)
{
	if (f->vector == 0x900) {
		mtspr(SPR_DEC, FAR);
		return;
	}
	if (f->vector != 0xa00)
		unexpected(f);
	__atomic_fetch_add(&doorbells->taken[self], 1, __ATOMIC_SEQ_CST);
}

static void ee(int on)
{
	mtmsrd(on ? mfmsr() | MSR_EE : mfmsr() & ~MSR_EE);
}

static u64 taken(void)
{
	return __atomic_load_n(&doorbells->taken[self], __ATOMIC_SEQ_CST);
}

/*
 * In QEMU a hypervisor facility unavailable interrupt of these has the address at which
 * the processor last looked for interrupts, as it does behind isync.
 */

/* msgsndp, behind all stores */
static void send(u64 message)
{
	register u64 r4 asm("r4") = message;

	asm volatile("sync; isync; .long 0x7c00211c" : : "r"(r4) : "memory");
}

/* msgclrp */
static void clear(u64 message)
{
	register u64 r4 asm("r4") = message;

	asm volatile("isync; .long 0x7c00215c" : : "r"(r4) : "memory");
}

static u64 pending(void)
{
	asm volatile("isync" : : : "memory");
	return mfspr(SPR_DPDES);
}

static void expect(u64 what, u64 expected, u64 found)
{
	if (expected != found)
		fail(what, expected, found, self);
}

static u64 thread(void)
{
	return self & (doorbells->threads - 1);
}

static void alone(void)
{
	u64 me = thread(), mine = 1ul << me, other = me ^ 1;

	expect(2, 0, pending());
	send(DIRECTED | me);
	expect(3, mine, pending());
	send(DIRECTED | other);
	expect(4, mine | 1ul << other, pending());
	clear(OTHER_TYPE);
	expect(5, mine | 1ul << other, pending());
	clear(DIRECTED);
	expect(6, 1ul << other, pending());
	/* What goes nowhere: no such type, and no such thread of this core */
	send(OTHER_TYPE | me);
	send(DIRECTED | doorbells->threads);
	send(DIRECTED | 127);
	if (doorbells->present < doorbells->threads)
		send(DIRECTED | doorbells->present);
	expect(7, 1ul << other, pending());
	/* One that is sent twice is taken once */
	send(DIRECTED | me);
	send(DIRECTED | me);
	expect(8, 0, taken());
	ee(1);
	expect(9, 1, taken());
	ee(0);
	expect(10, 1ul << other, pending());
}

/* Until it has taken so many, which come while it sleeps or while it runs */
static void take(u64 n)
{
	u64 t = mftb();

	ee(n & 1);
	while (taken() < n && mftb() - t < 20000)
		;
	ee(0);
	while (taken() < n) {
		hcall(H_CEDE, 0, 0);
		ee(0);
	}
	expect(11, n, taken());
}

static void ring(void)
{
	u64 me = thread(), next = (me + 1) % doorbells->present, n;

	for (n = 1; n <= doorbells->rounds; n++) {
		if (!me)
			send(DIRECTED | next);
		take(n);
		if (me)
			send(DIRECTED | next);
	}
}

long guest_main(ulong id, ulong role, ulong tir)
{
	self = id;
	mtspr(SPR_DEC, FAR);
	if (tir)
		expect(1, thread(), mfspr(SPR_TIR));
	switch (role) {
	case DOORBELL_ALONE:
		alone();
		break;
	case DOORBELL_RING:
		ring();
		break;
	case DOORBELL_WAIT:
		take(1);
		break;
	}
	return 0;
}
