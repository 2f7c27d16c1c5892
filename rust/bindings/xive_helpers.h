/* SPDX-License-Identifier: GPL-2.0 */
/* The host's interrupt controller, as far as guests use it themselves. */
#ifndef KVM_PPC_XIVE_HELPERS_H
#define KVM_PPC_XIVE_HELPERS_H

#include <linux/interrupt.h>
#include <linux/types.h>

struct vm_area_struct;
struct xive_irq_data;

bool kvm_ppc_xive_usable(void);

void kvm_ppc_xive_push(u32 word2, const u64 *words01);
u64 kvm_ppc_xive_peek(void);
void kvm_ppc_xive_pull(void);
void kvm_ppc_xive_set_cppr(u8 cppr);
void kvm_ppc_xive_set_pending(u8 priority);

u8 kvm_ppc_xive_esb_load(unsigned long management, unsigned int offset);
void kvm_ppc_xive_trigger(const struct xive_irq_data *xd);

u32 kvm_ppc_xive_alloc_irq(void);

int kvm_ppc_xive_attach_escalation(u32 hw, const char *name, bool single,
				   irq_handler_t handler, void *data,
				   unsigned int *virq,
				   unsigned long *management);
void kvm_ppc_xive_mark_stale(unsigned int virq, bool p_tells);
void kvm_ppc_xive_detach_escalation(unsigned int virq, void *data);

#endif
