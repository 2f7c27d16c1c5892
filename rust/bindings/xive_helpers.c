// SPDX-License-Identifier: GPL-2.0
// Inline functions, macros and registers of the host's interrupt controller
// that guests on it take.

#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>

#include <asm/cputable.h>
#include <asm/io.h>
#include <asm/xive.h>
#include <asm/xive-regs.h>

#include "xive_helpers.h"

/* Can guests have queues whose state is saved? Not without new firmware. */
bool kvm_ppc_xive_usable(void)
{
	return xive_enabled() && cpu_has_feature(CPU_FTR_HVMODE) &&
	       xive_native_has_queue_state_support();
}

/*
 * Gives this CPU a virtual processor's OS context: words 0 and 1, unless the
 * controller restores them itself, then word 2, whose valid bit it is.
 */
void kvm_ppc_xive_push(u32 word2, const u64 *words01)
{
	eieio();
	if (words01)
		__raw_writeq(cpu_to_be64(*words01), xive_tima + TM_QW1_OS);
	__raw_writel(cpu_to_be32(word2), xive_tima + TM_QW1_OS + TM_WORD2);
	eieio();
}

/* Words 0 and 1 of the OS context, valid or not any more */
u64 kvm_ppc_xive_peek(void)
{
	return be64_to_cpu(__raw_readq(xive_tima + TM_QW1_OS));
}

/* Takes it away again. */
void kvm_ppc_xive_pull(void)
{
	eieio();
	__raw_readl(xive_tima + TM_SPC_PULL_OS_CTX);
	eieio();
}

/* Both of the context that is there */
void kvm_ppc_xive_set_cppr(u8 cppr)
{
	__raw_writeb(cppr, xive_tima + TM_QW1_OS + TM_CPPR);
}

void kvm_ppc_xive_set_pending(u8 priority)
{
	__raw_writeb(priority, xive_tima + TM_SPC_SET_OS_PENDING);
}

/*
 * A load from a source's management page, which returns P and Q as they were
 * and may change them. What was stored before comes first, and what is loaded
 * after it comes later.
 */
u8 kvm_ppc_xive_esb_load(unsigned long management, unsigned int offset)
{
	u64 pq;

	mb();
	pq = be64_to_cpu(__raw_readq((void __iomem *)(management + offset)));
	mb();
	return pq;
}

void kvm_ppc_xive_trigger(const struct xive_irq_data *xd)
{
	if (xd->trig_mmio)
		out_be64(xd->trig_mmio, 0);
}

u32 kvm_ppc_xive_alloc_irq(void)
{
	return xive_native_alloc_irq();
}

/*
 * Has "handler" called for an escalation interrupt. If it is the only one of
 * its virtual processor, it is masked until "management", which gets the
 * address of its page, is used to arm it, and is left as it is when it has
 * fired.
 */
int kvm_ppc_xive_attach_escalation(u32 hw, const char *name, bool single,
				   irq_handler_t handler, void *data,
				   unsigned int *virq,
				   unsigned long *management)
{
	struct xive_irq_data *xd;
	int ret;

	*virq = irq_create_mapping(NULL, hw);
	if (!*virq)
		return -EIO;
	ret = request_irq(*virq, handler, IRQF_NO_THREAD, name, data);
	if (ret) {
		irq_dispose_mapping(*virq);
		return ret;
	}
	*management = 0;
	if (single) {
		xd = irq_get_chip_data(*virq);
		*management = (unsigned long)xd->eoi_mmio;
		kvm_ppc_xive_esb_load(*management, XIVE_ESB_SET_PQ_01);
		xd->flags |= XIVE_IRQ_FLAG_NO_EOI;
	}
	return 0;
}

/*
 * Before it is detached: nobody ends a single escalation interrupt, so that P of
 * one that has fired stays. Only if its handler has not run since does P tell
 * of an entry in a queue of the host's, for which has to be waited.
 */
void kvm_ppc_xive_mark_stale(unsigned int virq, bool p_tells)
{
	struct xive_irq_data *xd = irq_get_chip_data(virq);

	xd->stale_p = !p_tells;
}

void kvm_ppc_xive_detach_escalation(unsigned int virq, void *data)
{
	free_irq(virq, data);
	irq_dispose_mapping(virq);
}
