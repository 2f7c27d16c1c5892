/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every form of load and store that a guest may use on a device, as X(text).
 * r4: base, r5: data, r6: index 8, register 5 of each other file
 */
#ifndef SELFTESTS_MMIO_FORMS_H
#define SELFTESTS_MMIO_FORMS_H

#define GPR_LOADS(X)      \
	X("lbz 5,1(4)")   \
	X("lbzu 5,1(4)")  \
	X("lbzx 5,4,6")   \
	X("lbzux 5,4,6")  \
	X("lhz 5,2(4)")   \
	X("lhzu 5,-2(4)") \
	X("lhzx 5,4,6")   \
	X("lhzux 5,4,6")  \
	X("lha 5,2(4)")   \
	X("lhau 5,-2(4)") \
	X("lhax 5,4,6")   \
	X("lhaux 5,4,6")  \
	X("lwz 5,4(4)")   \
	X("lwzu 5,-4(4)") \
	X("lwzx 5,4,6")   \
	X("lwzux 5,4,6")  \
	X("lwa 5,4(4)")   \
	X("lwax 5,4,6")   \
	X("lwaux 5,4,6")  \
	X("ld 5,8(4)")    \
	X("ldu 5,-8(4)")  \
	X("ldx 5,4,6")    \
	X("ldux 5,4,6")   \
	X("lhbrx 5,4,6")  \
	X("lwbrx 5,4,6")  \
	X("ldbrx 5,4,6") X("ld 4,0(4)") X("ld 0,0(4)") X("lwz 31,0(4)")

#define GPR_STORES(X)     \
	X("stb 5,1(4)")   \
	X("stbu 5,1(4)")  \
	X("stbx 5,4,6")   \
	X("stbux 5,4,6")  \
	X("sth 5,2(4)")   \
	X("sthu 5,-2(4)") \
	X("sthx 5,4,6")   \
	X("sthux 5,4,6")  \
	X("stw 5,4(4)")   \
	X("stwu 5,-4(4)") \
	X("stwx 5,4,6")   \
	X("stwux 5,4,6")  \
	X("std 5,8(4)")   \
	X("stdu 5,-8(4)") \
	X("stdx 5,4,6")   \
	X("stdux 5,4,6")  \
	X("sthbrx 5,4,6") X("stwbrx 5,4,6") X("stdbrx 5,4,6") X("stw 31,0(4)")

#define FP_LOADS(X)       \
	X("lfs 5,4(4)")   \
	X("lfsu 5,-4(4)") \
	X("lfsx 5,4,6")   \
	X("lfsux 5,4,6")  \
	X("lfd 5,8(4)")   \
	X("lfdu 5,-8(4)") \
	X("lfdx 5,4,6")   \
	X("lfdux 5,4,6") X("lfiwax 5,4,6") X("lfiwzx 5,4,6") X("lfd 31,0(4)")

#define FP_STORES(X)       \
	X("stfs 5,4(4)")   \
	X("stfsu 5,-4(4)") \
	X("stfsx 5,4,6")   \
	X("stfsux 5,4,6")  \
	X("stfd 5,8(4)")   \
	X("stfdu 5,-8(4)") \
	X("stfdx 5,4,6") X("stfdux 5,4,6") X("stfiwx 5,4,6") X("stfd 31,0(4)")

#define VMX_LOADS(X)     \
	X("lvx 5,4,6")   \
	X("lvebx 5,4,6") \
	X("lvehx 5,4,6") \
	X("lvewx 5,4,6") X("lvx 5,0,4") X("lvxl 5,0,4") X("lvewx 5,0,4")

#define VMX_STORES(X)     \
	X("stvx 5,4,6")   \
	X("stvebx 5,4,6") \
	X("stvehx 5,4,6") X("stvewx 5,4,6") X("stvx 5,0,4") X("stvxl 5,0,4")

#define VSX_LOADS(X)        \
	X("lxsdx 5,4,6")    \
	X("lxsdx 37,4,6")   \
	X("lxsspx 5,4,6")   \
	X("lxsspx 37,4,6")  \
	X("lxsiwax 5,4,6")  \
	X("lxsiwzx 37,4,6") \
	X("lxvd2x 5,4,6")   \
	X("lxvd2x 37,4,6")  \
	X("lxvw4x 5,4,6")   \
	X("lxvw4x 37,4,6") X("lxvdsx 5,4,6") X("lxvdsx 37,4,6")

#define VSX_STORES(X)       \
	X("stxsdx 5,4,6")   \
	X("stxsdx 37,4,6")  \
	X("stxsspx 5,4,6")  \
	X("stxsspx 37,4,6") \
	X("stxsiwx 5,4,6")  \
	X("stxvd2x 5,4,6")  \
	X("stxvd2x 37,4,6") X("stxvw4x 5,4,6") X("stxvw4x 37,4,6")

/* ISA 3.0 */
#define VSX3_LOADS(X)     \
	X("lxsd 5,8(4)")  \
	X("lxssp 5,4(4)") \
	X("lxvwsx 5,4,6") \
	X("lxvwsx 37,4,6") X("lxsibzx 5,4,6") X("lxsihzx 37,4,6")

#define VSX3_STORES(X)    \
	X("stxsd 5,8(4)") \
	X("stxssp 5,4(4)") X("stxsibx 5,4,6") X("stxsihx 37,4,6")

/* also ISA 3.0; kvm-hv.ko has none of them, and retries lxv for ever */
#define QUAD_LOADS(X)     \
	X("lxv 5,0(4)")   \
	X("lxv 37,16(4)") \
	X("lxvx 5,4,6") X("lxvx 37,4,6") X("lxvh8x 5,4,6") X("lxvb16x 5,4,6")

#define QUAD_STORES(X)     \
	X("stxv 5,0(4)")   \
	X("stxv 37,16(4)") \
	X("stxvx 5,4,6")   \
	X("stxvx 37,4,6") X("stxvh8x 5,4,6") X("stxvb16x 5,4,6")

/* big-endian alone, so the assembler knows none; nor does kvm-hv.ko */
#define STRINGS(X)                           \
	X(".long 0xbb840000 # lmw 28,0(4)")  \
	X(".long 0xbf840000 # stmw 28,0(4)") \
	X(".long 0x7ce43caa # lswi 7,4,7")   \
	X(".long 0x7ce484aa # lswi 7,4,16")  \
	X(".long 0x7ce43daa # stswi 7,4,7")  \
	X(".long 0x7ce485aa # stswi 7,4,16")

/* ISA 3.1, a prefix and a suffix */
#define PREFIXED(X)      \
	X("plbz 5,1(4)") \
	X("plhz 5,2(4)") \
	X("plha 5,2(4)") \
	X("plwz 5,4(4)") \
	X("plwa 5,4(4)") \
	X("pld 5,8(4)")  \
	X("pstb 5,1(4)") \
	X("psth 5,2(4)") \
	X("pstw 5,4(4)") X("pstd 5,8(4)") X("plfd 5,8(4)") X("pstfd 5,8(4)")

#endif
