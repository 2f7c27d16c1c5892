// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO's files, and the TCE tables of the groups that they are of. VFIO is a
 * module that may not be there, so its functions are looked up when they are
 * needed.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/vfio.h>
#include <asm/iommu.h>
#include <asm/mmu_context.h>

#include "vfio_helpers.h"

/*
 * The file of a group or device of VFIO's that is open as @fd, with a reference;
 * -EBADF if nothing is, -EINVAL if it is something else.
 */
struct file *kvm_ppc_vfio_file(unsigned int fd)
{
	bool (*is_valid)(struct file *file);
	struct file *file = fget(fd);
	bool valid = false;

	if (!file)
		return ERR_PTR(-EBADF);
	is_valid = symbol_get(vfio_file_is_valid);
	if (is_valid) {
		valid = is_valid(file);
		symbol_put(vfio_file_is_valid);
	}
	if (valid)
		return file;
	fput(file);
	return ERR_PTR(-EINVAL);
}

#ifdef CONFIG_SPAPR_TCE_IOMMU
/* The group that one of those files is of, with a reference; NULL for a device's */
struct iommu_group *kvm_ppc_vfio_group(struct file *file)
{
	struct iommu_group *(*get)(struct file *file);
	struct iommu_group *group;

	get = symbol_get(vfio_file_iommu_group);
	if (!get)
		return NULL;
	group = get(file);
	symbol_put(vfio_file_iommu_group);
	return group;
}

/*
 * The table of the group's devices that translates @entries pages of 2^@shift
 * bytes from page @first on, with a reference; NULL if there is none. Its own
 * pages may be smaller. The host's own tables, in which VFIO does not write down
 * what is mapped, do not count.
 */
struct iommu_table *kvm_ppc_iommu_table(struct iommu_group *group,
					unsigned int shift, u64 first,
					u64 entries)
{
	struct iommu_table_group *tables = iommu_group_get_iommudata(group);
	int i;

	for (i = 0; tables && i < IOMMU_TABLE_GROUP_MAX_TABLES; i++) {
		struct iommu_table *table = READ_ONCE(tables->tables[i]);
		unsigned int own;

		if (!table || !table->it_userspace ||
		    !table->it_ops->useraddrptr || !table->it_ops->xchg_no_kill)
			continue;
		own = table->it_page_shift;
		if (own <= shift &&
		    (u64)table->it_offset << own == first << shift &&
		    (u64)table->it_size << own >= entries << shift)
			return iommu_tce_table_get(table);
	}
	return NULL;
}

/*
 * Held while entries are changed, of any table, since several of a guest's may
 * lead to one of a device's. VFIO's own ioctls do not take it.
 */
static DEFINE_MUTEX(entries_mutex);

/*
 * Memory that userspace has registered with VFIO, which pins it, is counted as
 * mapped once for each entry that leads there: only then can it be registered
 * no longer.
 */
static bool get_memory(struct mm_struct *mm, unsigned long ua,
		       unsigned int shift, unsigned long *hpa)
{
	struct mm_iommu_table_group_mem_t *memory;
	unsigned long size = 1ul << shift;
	bool got;

	/* until it is counted it may go */
	rcu_read_lock();
	memory = mm_iommu_lookup(mm, ua, size);
	got = memory && !mm_iommu_ua_to_hpa(memory, ua, shift, hpa) &&
	      !(*hpa & (size - 1)) && !mm_iommu_mapped_inc(memory);
	rcu_read_unlock();
	return got;
}

/* False if it is not registered */
static bool put_memory(struct mm_struct *mm, unsigned long ua,
		       unsigned int shift)
{
	struct mm_iommu_table_group_mem_t *memory;

	rcu_read_lock();
	memory = mm_iommu_lookup(mm, ua, 1ul << shift);
	if (memory)
		mm_iommu_mapped_dec(memory);
	rcu_read_unlock();
	return memory;
}

/* One of the table's own entries; true if it is as it should be */
static bool put_own(struct iommu_table *table, struct mm_struct *mm,
		    unsigned long entry, unsigned long ua,
		    unsigned long permissions)
{
	enum dma_data_direction direction = iommu_tce_direction(permissions);
	bool maps = direction != DMA_NONE;
	unsigned int shift = table->it_page_shift;
	unsigned long hpa = 0;
	/* what VFIO knows the entry's memory by */
	__be64 *known = table->it_ops->useraddrptr(table, entry, maps);

	if (!maps && !known)
		return true;
	if (maps && (!known || !get_memory(mm, ua, shift, &hpa)))
		return false;
	if (iommu_tce_xchg_no_kill(mm, table, entry, &hpa, &direction)) {
		if (maps)
			put_memory(mm, ua, shift);
		return false;
	}
	/* the address and the direction are those of before now */
	if (direction != DMA_NONE &&
	    !put_memory(mm, be64_to_cpu(*known), shift)) {
		/* VFIO has mapped it in another way, and has to undo that */
		iommu_tce_xchg_no_kill(mm, table, entry, &hpa, &direction);
		if (maps)
			put_memory(mm, ua, shift);
		return false;
	}
	*known = cpu_to_be64(maps ? ua : 0);
	return true;
}

/* Goes on unless the process is killed */
static bool go_on(void)
{
	cond_resched();
	return !fatal_signal_pending(current);
}

/* A device uses the table no longer; what is mapped by it now is so for ever */
static bool is_orphan(struct iommu_table *table)
{
	return list_empty(&table->it_group_list);
}

/*
 * Has page number @page of 2^@shift bytes lead to the memory at @ua of @mm, as
 * the low bits of a TCE permit. If that cannot be done, or the memory is not
 * registered, false, and the page leads nowhere, or where VFIO alone has mapped
 * it. May sleep.
 */
bool kvm_ppc_iommu_map(struct iommu_table *table, struct mm_struct *mm,
		       u64 page, unsigned int shift, unsigned long ua,
		       unsigned long permissions)
{
	unsigned int own = table->it_page_shift;
	unsigned long count = 1ul << (shift - own), first = page * count, i;
	bool done;

	mutex_lock(&entries_mutex);
	done = !is_orphan(table);
	for (i = 0; i < count && done; i++)
		done = put_own(table, mm, first + i, ua + (i << own),
			       permissions) &&
		       go_on();
	while (!done && i--)
		put_own(table, mm, first + i, 0, 0);
	iommu_tce_kill(table, first, count);
	mutex_unlock(&entries_mutex);
	return done;
}

/*
 * Has @pages pages from number @page on lead nowhere. False if some do, because
 * VFIO alone has mapped them, or the process is killed. May sleep.
 */
bool kvm_ppc_iommu_unmap(struct iommu_table *table, struct mm_struct *mm,
			 u64 page, unsigned int shift, u64 pages)
{
	unsigned int more = shift - table->it_page_shift;
	unsigned long first = page << more, count = pages << more, i;
	bool done = true;

	mutex_lock(&entries_mutex);
	for (i = 0; i < count && done; i++)
		done = put_own(table, mm, first + i, 0, 0) && go_on();
	iommu_tce_kill(table, first, i);
	mutex_unlock(&entries_mutex);
	return done;
}

/*
 * Gives the reference back. Whoever takes a table from its devices has emptied it
 * before, but a guest may have filled it again until it was taken.
 */
void kvm_ppc_iommu_drop(struct iommu_table *table, struct mm_struct *mm)
{
	unsigned long i;

	mutex_lock(&entries_mutex);
	for (i = 0; i < table->it_size && is_orphan(table); i++) {
		put_own(table, mm, table->it_offset + i, 0, 0);
		cond_resched();
	}
	mutex_unlock(&entries_mutex);
	iommu_tce_table_put(table);
}
#endif
