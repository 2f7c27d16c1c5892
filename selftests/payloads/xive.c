// SPDX-License-Identifier: GPL-2.0
/* A guest that has the interrupt controller in its own hands; see xive.h */
#include "guest.h"

#include "xive.h"

/* In the OS's page of the thread interrupt management area */
#define OS (TIMA + 2 * PAGE)
#define CPPR (OS + 0x11)
#define ACK (OS + 0x810)
/* In a source's management page */
#define SET_PQ_00 0xc00

#define OPEN 0xff
#define ENTRIES (PAGE / 4)
#define FAR 0x7fffffff
#define SOON 200000

/* The server's number */
#define me mfspr(SPR_SPRG3)
#define SPR_SPRG3 275

static struct server {
	u64 taken;
	u32 index, generation; /* of the queue's entry that is read next */
} servers[SERVERS];

static volatile struct shared *const shared = (void *)SHARED;

static u16 load16(u64 at)
{
	return __builtin_bswap16(*(volatile u16 *)at);
}

static void sync(void)
{
	asm volatile("sync" : : : "memory");
}

static void trigger(u64 source)
{
	sync();
	*(volatile u64 *)(ESB + source * 2 * PAGE) = 0;
}

static u8 esb(u64 source, u64 offset)
{
	u64 at = ESB + (source * 2 + 1) * PAGE + offset;

	return __builtin_bswap64(*(volatile u64 *)at);
}

static void set_cppr(u8 cppr)
{
	*(volatile u8 *)CPPR = cppr;
	sync();
}

static void take(u32 source)
{
	u64 n = source - SOURCE(0, 0);

	if (n >= SERVERS * SERVERS || n % SERVERS != me)
		fail(1, me, source, 0);
	servers[me].taken++;
	/* ended before it is counted, so that the next one is a new one */
	if (esb(source, SET_PQ_00) & 1)
		trigger(source);
	shared->got[n / SERVERS][me]++;
}

void interrupt(struct frame *f)
{
	volatile u32 *queue = (void *)(QUEUES + me * PAGE);
	struct server *s = &servers[me];
	u32 entry;

	if (f->vector == 0x900) {
		mtspr(SPR_DEC, FAR);
		return;
	}
	if (f->vector != 0x500)
		unexpected(f);
	if (!(load16(ACK) & 0x8000)) {
		shared->spurious[me]++;
		return;
	}
	sync();
	for (;;) {
		entry = __builtin_bswap32(queue[s->index]);
		if (entry >> 31 != !s->generation)
			break;
		s->index = (s->index + 1) % ENTRIES;
		if (!s->index)
			s->generation ^= 1;
		take(entry & 0x7fffffff);
	}
	set_cppr(OPEN);
}

static void ee(int on)
{
	mtmsrd(on ? mfmsr() | MSR_EE : mfmsr() & ~MSR_EE);
}

/* Asleep, unless something has come meanwhile, and not for ever */
static void doze(void)
{
	mtspr(SPR_DEC, SOON);
	hcall(H_CEDE, 0, 0);
	ee(0);
}

static void self(u64 times)
{
	volatile u64 *taken = &servers[me].taken;
	u64 i, t, before = *taken;

	for (i = before; i < before + times; i++) {
		trigger(SOURCE(me, me));
		ee(1);
		for (t = mftb(); *taken == i;)
			if (mftb() - t > 0x40000000)
				fail(2, i + 1, *taken, 0);
		ee(0);
		if (*taken != i + 1)
			fail(3, i + 1, *taken, 0);
	}
}

static void call(u64 other, u64 times)
{
	u64 i, t, ticks;

	for (i = 0; i < times; i++) {
		t = mftb();
		trigger(SOURCE(me, other));
		ee(0);
		while (shared->got[other][me] == i) {
			mtspr(SPR_DEC, FAR);
			hcall(H_CEDE, 0, 0);
			ee(0);
		}
		ticks = mftb() - t;
		if (ticks > shared->slowest[me])
			shared->slowest[me] = ticks;
		if (shared->got[other][me] != i + 1)
			fail(4, i + 1, shared->got[other][me], 0);
	}
	shared->done[me] = 1;
	trigger(SOURCE(me, other));
}

static void answer(u64 other)
{
	u64 i;

	for (i = 0; !shared->done[other]; i++) {
		ee(0);
		while (shared->got[other][me] == i) {
			mtspr(SPR_DEC, FAR);
			hcall(H_CEDE, 0, 0);
			ee(0);
		}
		if (!shared->done[other])
			trigger(SOURCE(me, other));
	}
}

static void storm(u64 count, u64 times)
{
	u64 to, i, random = me + 1, all;

	for (i = 0; i < times;) {
		random = random * 6364136223846793005ul + 1442695040888963407ul;
		to = (random >> 33) % count;
		if (shared->got[me][to] != shared->sent[me][to]) {
			if (random >> 60)
				doze();
			ee(1);
			ee(0);
			continue;
		}
		shared->sent[me][to]++;
		trigger(SOURCE(me, to));
		i++;
		ee(1);
		ee(0);
	}
	for (to = 0; to < count; to++)
		while (shared->got[me][to] != shared->sent[me][to])
			doze();
	shared->done[me] = 1;
	do {
		doze();
		for (all = to = 0; to < count; to++)
			all += shared->done[to];
	} while (all < count);
}

long guest_main(u64 what, u64 a1, u64 a2)
{
	volatile u64 *taken;

	mtspr(SPR_SPRG3, a1 & 0xff);
	taken = &servers[me].taken;
	a1 >>= 8;
	mtspr(SPR_DEC, FAR);
	if (what == X_PEND) {
		set_cppr(0);
		trigger(SOURCE(me, me));
		sync();
		return 0;
	}
	if (what != X_TAKE)
		set_cppr(OPEN);
	switch (what) {
	case X_SELF:
		self(a2);
		break;
	case X_CALL:
		call(a1, a2);
		break;
	case X_ANSWER:
		answer(a1);
		break;
	case X_STORM:
		storm(a1, a2);
		break;
	case X_TAKE:
		ee(1);
		set_cppr(OPEN);
		for (a1 = mftb(); mftb() - a1 < SOON;)
			;
		ee(0);
		hcall(UC_SYNC, *taken, 0);
		break;
	case X_WAIT:
		for (;;) {
			a1 = *taken;
			while (*taken == a1) {
				mtspr(SPR_DEC, FAR);
				hcall(H_CEDE, 0, 0);
				ee(0);
			}
			hcall(UC_SYNC, *taken, 0);
		}
	case X_OPEN:
		hcall(UC_SYNC, 0, 0);
		ee(1);
		while (!*taken)
			;
		ee(0);
		break;
	}
	return 0;
}
