/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads: the host's interfaces that the kernel crate does not bind. */
#include <linux/anon_inodes.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/interval_tree.h>
#include <linux/iommu.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/wait.h>

#ifdef CONFIG_PPC_BOOK3S_64
#include <linux/kvm_host.h>
#include <asm/book3s/64/mmu.h>
#include <asm/dbell.h>
#include <asm/hvcall.h>
#include <asm/interrupt.h>
#include <asm/iommu.h>
#include <asm/kvm_book3s.h>
#include <asm/kvm_book3s_asm.h>
#include <asm/kvm_ppc.h>
#include <asm/mmu_context.h>
#include <asm/paca.h>
#include <asm/pgalloc.h>
#include <asm/tlb.h>
#include <asm/tlbflush.h>
#include <asm/xive.h>
#endif

#include "device_helpers.h"
#include "helpers.h"
#include "kvm_trace.h"
#ifdef CONFIG_PPC_BOOK3S_64
#include "hash_helpers.h"
#include "hv_helpers.h"
#include "hv_trace.h"
#include "nested_helpers.h"
#include "pr_helpers.h"
#endif
#if defined(CONFIG_PPC_BOOK3S_64) && IS_ENABLED(CONFIG_VFIO)
#include "vfio_helpers.h"
#endif
#ifdef CONFIG_PPC_XIVE_NATIVE
#include "xive_helpers.h"
#endif
#ifdef CONFIG_44x
#include "e44x_helpers.h"
#include "e44x_trace.h"
#endif
