/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hypercall numbers, for the VMM side and for guest payloads, C and assembly.
 * PAPR+ 14.5.3 has the H_ names; numbers from 0xf000 up are the VMM's own.
 */
#ifndef SELFTESTS_HCALLS_H
#define SELFTESTS_HCALLS_H

#define H_REMOVE 0x04
#define H_ENTER 0x08
#define H_READ 0x0c
#define H_CLEAR_MOD 0x10
#define H_CLEAR_REF 0x14
#define H_PROTECT 0x18
#define H_GET_TCE 0x1c
#define H_PUT_TCE 0x20
#define H_SET_SPRG0 0x24
#define H_SET_DABR 0x28
#define H_PAGE_INIT 0x2c
#define H_LOGICAL_CI_LOAD 0x3c
#define H_LOGICAL_CI_STORE 0x40
#define H_PUT_TERM_CHAR 0x58
#define H_EOI 0x64
#define H_CPPR 0x68
#define H_IPI 0x6c
#define H_IPOLL 0x70
#define H_XIRR 0x74
#define H_REGISTER_VPA 0xdc
#define H_CEDE 0xe0
#define H_CONFER 0xe4
#define H_PROD 0xe8
#define H_BULK_REMOVE 0x124
#define H_SET_XDABR 0x134
#define H_STUFF_TCE 0x138
#define H_PUT_TCE_INDIRECT 0x13c
#define H_XIRR_X 0x2fc
#define H_RANDOM 0x300
#define H_SET_MODE 0x31c
#define H_REGISTER_PROC_TBL 0x37c
#define H_RPT_INVALIDATE 0x448
#define H_RTAS 0xf000

#define H_SUCCESS 0
#define H_HARDWARE (-1)
#define H_FUNCTION (-2)
#define H_PARAMETER (-4)
#define H_PTEG_FULL (-6)
#define H_NOT_FOUND (-7)
#define H_RESOURCE (-16)
#define H_P2 (-55)
#define H_P3 (-56)
#define H_P4 (-57)
#define H_P5 (-58)
#define H_UNSUPPORTED_FLAG_START (-256)

/* Always KVM_EXIT_PAPR_HCALL: no number above the PAPR ones is in-kernel */
#define UC_EXIT 0xf100 /* status: guest_main returned */
#define UC_SYNC 0xf104 /* any arguments: the VMM answers in r3, r4, ... */
#define UC_FAIL \
	0xf108 /* what, expected, found, where: the guest saw an error */
#define UC_TRAP \
	0xf10c /* vector, srr0, srr1, dar: an interrupt with no handler */

/*
 * A 440 has no hypercalls. There a guest makes the VMM's own ones by storing
 * the number to this address, which firmware maps, and which is in no slot
 */
#define UC_DEVICE 0x08000000

#endif
