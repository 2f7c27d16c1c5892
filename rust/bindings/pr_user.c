// SPDX-License-Identifier: GPL-2.0
// Accesses to the process's memory for guests in problem state, each by a
// single load or store.

#include <linux/pagemap.h>
#include <linux/uaccess.h>

#include <asm/extable.h>

#include "pr_helpers.h"

#define LOAD_USER(type)                                         \
	({                                                      \
		type loaded = 0;                                \
		int err = get_user(loaded, (type __user *)hva); \
		val[1] = loaded;                                \
		err;                                            \
	})

/*
 * lqarx loads two registers: an even one, which gets the high half of the
 * number in either byte order, and the next one. The reservation that it makes
 * is not used.
 */
static int load_user_quad(unsigned long hva, u64 *val)
{
	int ret = 0;

	if (!user_read_access_begin((void __user *)hva, 16))
		return -EFAULT;
	asm volatile("1:	lqarx	10, 0, %3\n"
		     "	mr	%1, 10\n"
		     "	mr	%2, 11\n"
		     "2:\n"
		     "	.section .fixup, \"ax\"\n"
		     "3:	li	%0, %4\n"
		     "	b	2b\n"
		     "	.previous\n" EX_TABLE(1b, 3b)
		     : "+r"(ret), "+r"(val[0]), "+r"(val[1])
		     : "r"(hva), "i"(-EFAULT)
		     : "r10", "r11", "memory");
	user_read_access_end();
	return ret;
}

/*
 * Loads 1, 2, 4, 8 or 16 bytes by a single access from an address of the
 * current process that is a multiple of their number. The result is a number,
 * of which val[0] is the high half and val[1] the low half. Returns -EFAULT if
 * the memory cannot be read. May sleep.
 */
int kvm_ppc_pr_load_user(unsigned long hva, u32 bytes, u64 *val)
{
	val[0] = 0;
	val[1] = 0;
	switch (bytes) {
	case 1:
		return LOAD_USER(u8);
	case 2:
		return LOAD_USER(u16);
	case 4:
		return LOAD_USER(u32);
	case 8:
		return LOAD_USER(u64);
	case 16:
		return load_user_quad(hva, val);
	}
	return -EINVAL;
}

/* Returns 0 if the value was old and is new now, 1 if it was not old */
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

#define EXCHANGE_USER_QUAD()                                                   \
	asm volatile("	mr	8, %4\n"                                             \
		     "	mr	9, %5\n"                                             \
		     "1:	lqarx	10, 0, %1\n"                                    \
		     "	xor	10, 10, %2\n"                                       \
		     "	xor	11, 11, %3\n"                                       \
		     "	or.	10, 10, 11\n"                                       \
		     "	bne-	3f\n"                                              \
		     "2:	stqcx.	8, 0, %1\n"                                    \
		     "	bne-	1b\n"                                              \
		     "	li	%0, 0\n"                                             \
		     "3:\n"                                                    \
		     "	.section .fixup, \"ax\"\n"                              \
		     "4:	li	%0, %6\n"                                          \
		     "	b	3b\n"                                                 \
		     "	.previous\n" EX_TABLE(1b, 4b) EX_TABLE(2b, 4b)         \
		     : "+r"(ret)                                               \
		     : "r"(hva), "r"(from[0]), "r"(old), "r"(to[0]), "r"(new), \
		       "i"(-EFAULT)                                            \
		     : "r8", "r9", "r10", "r11", "cr0", "memory")

/*
 * Atomically stores "to" if the memory holds "from". Returns 0 if it did, 1 if
 * not. Address, sizes, numbers and errors are as above.
 */
int kvm_ppc_pr_exchange_user(unsigned long hva, u32 bytes, const u64 *from,
			     const u64 *to)
{
	u64 was, old = from[1], new = to[1];
	int ret = 1;

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
	case 16:
		EXCHANGE_USER_QUAD();
		break;
	default:
		ret = -EINVAL;
	}
	user_access_end();
	return ret;
}

/*
 * Accesses to the process's memory that do not sleep, and so fail if it is not
 * present. Each store is a single access, because others may read the memory
 * meanwhile.
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

/* Makes the memory present for such an access. A fatal signal ends the wait */
bool kvm_ppc_pr_populate(unsigned long at, bool write)
{
	if (write)
		return !fault_in_safe_writeable((const char __user *)at, 1);
	return !fault_in_readable((const char __user *)at, 1);
}
