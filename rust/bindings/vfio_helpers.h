/* SPDX-License-Identifier: GPL-2.0 */
/* Helpers for devices that VFIO gives to a guest, and for the host's TCE tables. */
#ifndef KVM_PPC_VFIO_HELPERS_H
#define KVM_PPC_VFIO_HELPERS_H

#include <linux/types.h>

struct file;
struct iommu_group;
struct iommu_table;
struct mm_struct;

struct file *kvm_ppc_vfio_file(unsigned int fd);
struct iommu_group *kvm_ppc_vfio_group(struct file *file);
struct iommu_table *kvm_ppc_iommu_table(struct iommu_group *group,
					unsigned int shift, u64 first,
					u64 entries);
bool kvm_ppc_iommu_map(struct iommu_table *table, struct mm_struct *mm,
		       u64 page, unsigned int shift, unsigned long ua,
		       unsigned long permissions);
bool kvm_ppc_iommu_unmap(struct iommu_table *table, struct mm_struct *mm,
			 u64 page, unsigned int shift, u64 pages);
void kvm_ppc_iommu_drop(struct iommu_table *table, struct mm_struct *mm);

#endif
