// SPDX-License-Identifier: GPL-2.0
// Accesses to the process's memory for problem-state guests, each of one piece.

#include <linux/pagemap.h>
#include <linux/uaccess.h>

#include <asm/extable.h>

#include "pr_helpers.h"

#define LOAD_USER(type)                                         \
	({                                                      \
		type loaded = 0;                                \
		int err = get_user(loaded, (type __user *)hva); \
		*val = loaded;                                  \
		err;                                            \
	})

/*
 * One load of 1, 2, 4 or 8 bytes at an address of the current process that is a
 * multiple of that. -EFAULT if there is nothing to be read. May sleep.
 */
int kvm_ppc_pr_load_user(unsigned long hva, u32 bytes, u64 *val)
{
	*val = 0;
	switch (bytes) {
	case 1:
		return LOAD_USER(u8);
	case 2:
		return LOAD_USER(u16);
	case 4:
		return LOAD_USER(u32);
	case 8:
		return LOAD_USER(u64);
	}
	return -EINVAL;
}

/* 0: it was old, and is new now. 1: it was not */
#define EXCHANGE_USER(width)                                           \
	asm volatile("1:	l" width "arx	%1, 0, %2\n"             \
		     "	cmpd	%1, %3\n"                                  \
		     "	bne-	3f\n"                                      \
		     "2:	st" width "cx.	%4, 0, %2\n"            \
		     "	bne-	1b\n"                                      \
		     "	li	%0, 0\n"                                     \
		     "3:\n"                                            \
		     "	.section .fixup, \"ax\"\n"                      \
		     "4:	li	%0, %5\n"                                  \
		     "	b	3b\n"                                         \
		     "	.previous\n" EX_TABLE(1b, 4b) EX_TABLE(2b, 4b) \
		     : "+r"(ret), "=&r"(was)                           \
		     : "r"(hva), "r"(old), "r"(new), "i"(-EFAULT)      \
		     : "cr0", "memory")

/*
 * Stores new where old is, in one step, if that is still so: 0 then, else 1.
 * Address, sizes and errors as above.
 */
int kvm_ppc_pr_exchange_user(unsigned long hva, u32 bytes, u64 old, u64 new)
{
	int ret = 1;
	u64 was;

	if (!user_access_begin((void __user *)hva, bytes))
		return -EFAULT;
	switch (bytes) {
	case 1:
		EXCHANGE_USER("b");
		break;
	case 2:
		EXCHANGE_USER("h");
		break;
	case 4:
		EXCHANGE_USER("w");
		break;
	case 8:
		EXCHANGE_USER("d");
		break;
	default:
		ret = -EINVAL;
	}
	user_access_end();
	return ret;
}

/*
 * Accesses to the process's memory that do not sleep, and so fail if it is not
 * there. Stores are each of one piece, for who reads the same memory meanwhile.
 */
bool kvm_ppc_pr_read_user(void *to, unsigned long from, unsigned long n)
{
	return !copy_from_user_nofault(to, (const void __user *)from, n);
}

bool kvm_ppc_pr_store_user_u64(unsigned long at, u64 val)
{
	int ret;

	pagefault_disable();
	ret = put_user(val, (u64 __user *)at);
	pagefault_enable();
	return !ret;
}

bool kvm_ppc_pr_store_user_u8(unsigned long at, u8 val)
{
	int ret;

	pagefault_disable();
	ret = put_user(val, (u8 __user *)at);
	pagefault_enable();
	return !ret;
}

/* Makes them succeed, if nothing happens meanwhile. A fatal signal ends it */
bool kvm_ppc_pr_populate(unsigned long at, bool write)
{
	if (write)
		return !fault_in_safe_writeable((const char __user *)at, 1);
	return !fault_in_readable((const char __user *)at, 1);
}
