/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions and macros of the host that devices of VMs take. */
#ifndef KVM_PPC_DEVICE_HELPERS_H
#define KVM_PPC_DEVICE_HELPERS_H

#include <linux/types.h>
#include <linux/wait.h>

struct eventfd_ctx;
struct vm_area_struct;

int kvm_ppc_vma_set_registers(struct vm_area_struct *vma);
unsigned int kvm_ppc_vma_insert_registers(struct vm_area_struct *vma,
					  unsigned long address,
					  unsigned long phys);

unsigned long kvm_ppc_local_irq_save(void);
void kvm_ppc_local_irq_restore(unsigned long flags);

int kvm_ppc_eventfd_watch(int fd, struct wait_queue_entry *entry,
			  wait_queue_func_t wake, struct eventfd_ctx **ctx);

#endif
