// SPDX-License-Identifier: GPL-2.0
/*
 * Two vCPUs send each other an interrupt, @a1 times each, and each takes exactly
 * one before it answers. A third one redirects the sources of devices
 * to any of the three. All handle these devices' interrupts.
 */
#include "guest.h"

#include "storm.h"

#define storm ((struct storm *)STORM)
#define IPI 2
#define NONE 0xff
#define FAR 0x7fffffff

/* The vCPU's number; nothing else uses the thread's pointer */
register u64 self asm("r13");

static void add(unsigned long long *to)
{
	__atomic_fetch_add(to, 1, __ATOMIC_SEQ_CST);
}

static u64 value(unsigned long long *of)
{
	return __atomic_load_n(of, __ATOMIC_SEQ_CST);
}

/* All that the device wants, whoever else does so */
static void handle(u64 source)
{
	unsigned long long done = value(&storm->done[source]);
	unsigned long long posted = value(&storm->posted[source]);

	add(&storm->taken[source]);
	while (done < posted && !__atomic_compare_exchange_n(
					&storm->done[source], &done, posted, 0,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

void interrupt(struct frame *f)
{
	u64 me = self, out[3], source;

	if (f->vector == 0x900) {
		mtspr(SPR_DEC, FAR);
		return;
	}
	if (f->vector != 0x500)
		unexpected(f);
	if (hcall4(H_XIRR, 0, 0, 0, 0, out))
		fail(1, 0, out[0], me);
	source = out[0] & 0xffffff;
	if (!source) {
		add(&storm->nothing);
		return;
	}
	if (source == IPI) {
		if (hcall(H_IPI, me, NONE))
			fail(2, 0, 0, me);
		add(&storm->ipis[me]);
	} else if (source - STORM_FIRST < STORM_SOURCES) {
		handle(source - STORM_FIRST);
	} else {
		fail(3, 0, source, me);
	}
	if (hcall(H_EOI, out[0], 0))
		fail(4, 0, out[0], me);
}

static void ee(int on)
{
	mtmsrd(on ? mfmsr() | MSR_EE : mfmsr() & ~MSR_EE);
}

static void send(u64 to)
{
	if (hcall(H_IPI, to, 4))
		fail(5, 0, 0, to);
}

/* For so many ticks; most others sleep too, so that none waits long for a processor */
static void sleep(u64 ticks)
{
	mtspr(SPR_DEC, ticks);
	hcall(H_CEDE, 0, 0);
	ee(0);
}

/* Until the vCPU has taken so many, which come while it sleeps or while it runs */
static void take(u64 me, u64 n)
{
	u64 t = mftb();

	ee(n & 1);
	while (value(&storm->ipis[me]) < n && mftb() - t < 20000)
		;
	ee(0);
	while (value(&storm->ipis[me]) < n)
		sleep(FAR);
	if (value(&storm->ipis[me]) != n)
		fail(6, n, value(&storm->ipis[me]), me);
	ee(1);
}

static void redirect(u64 n)
{
	u32 *call = (u32 *)STORM_RTAS;
	u32 i, args[6] = { STORM_SET_XIVE,
			   3,
			   1,
			   STORM_FIRST + n % STORM_SOURCES,
			   n / STORM_SOURCES % STORM_VCPUS,
			   5 + n % 3 };

	for (i = 0; i < 6; i++)
		call[i] = __builtin_bswap32(args[i]);
	call[6] = 1;
	if (hcall(H_RTAS, STORM_RTAS, 0) || call[6])
		fail(7, 0, call[6], n);
	add(&storm->redirects);
}

long guest_main(ulong me, ulong rounds, ulong a2)
{
	u64 i;

	self = me;
	if (hcall(H_CPPR, 0xff, 0))
		fail(8, 0, 0, me);
	ee(1);
	if (me < 2) {
		for (i = 1; i <= rounds; i++) {
			if (me == 0)
				send(1);
			take(me, i);
			if (me == 1)
				send(0);
		}
	}
	for (i = 0; !value(&storm->stop); i++) {
		if (me == 2)
			redirect(i);
		ee(0);
		sleep(50000);
	}
	return 0;
}
