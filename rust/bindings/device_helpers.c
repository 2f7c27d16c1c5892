// SPDX-License-Identifier: GPL-2.0
// Inline functions and macros of the host that devices of VMs take: interrupts
// by eventfd, and registers that are mapped.

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "device_helpers.h"

/*
 * A new mapping of device registers, which faults fill in. -EINVAL for one whose
 * pages are copied when they are written, which registers cannot be.
 */
int kvm_ppc_vma_set_registers(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return 0;
}

unsigned int kvm_ppc_vma_insert_registers(struct vm_area_struct *vma,
					  unsigned long address,
					  unsigned long phys)
{
	return vmf_insert_pfn(vma, address, PHYS_PFN(phys));
}

unsigned long kvm_ppc_local_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void kvm_ppc_local_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

struct eventfd_poll {
	poll_table table;
	wait_queue_entry_t *entry;
	int ret;
};

static void eventfd_queue(struct file *file, wait_queue_head_t *queue,
			  poll_table *table)
{
	struct eventfd_poll *poll =
		container_of(table, struct eventfd_poll, table);

	poll->ret = add_wait_queue_priority_exclusive(queue, poll->entry);
}

/*
 * Has "wake" called with "entry" whenever the eventfd is signalled. "ctx" gets a
 * reference to it, also if it fails later than that. Returns whether it has
 * been signalled, -EBADF, -EINVAL for another file, or -EBUSY if somebody else
 * has done so.
 */
int kvm_ppc_eventfd_watch(int fd, struct wait_queue_entry *entry,
			  wait_queue_func_t wake, struct eventfd_ctx **ctx)
{
	struct eventfd_poll poll = { .entry = entry };
	struct eventfd_ctx *new;
	__poll_t events;

	CLASS(fd, f)(fd);
	if (fd_empty(f))
		return -EBADF;
	new = eventfd_ctx_fileget(fd_file(f));
	if (IS_ERR(new))
		return PTR_ERR(new);
	*ctx = new;
	init_waitqueue_func_entry(entry, wake);
	INIT_LIST_HEAD(&entry->entry);
	init_poll_funcptr(&poll.table, eventfd_queue);
	events = vfs_poll(fd_file(f), &poll.table);
	return poll.ret ?: !!(events & EPOLLIN);
}
