/* SPDX-License-Identifier: GPL-2.0 */
/* Instruction words; operands in the assembler's order */
#ifndef INSN_H
#define INSN_H

#define INSN_D(op, t, a, d) \
	((op) << 26 | (t) << 21 | (a) << 16 | ((d) & 0xffff))
#define INSN_DS(op, t, a, d) INSN_D(op, t, a, (d) & 0xfffc)
#define INSN_X(t, a, b, xo) \
	(31u << 26 | (t) << 21 | (a) << 16 | (b) << 11 | (xo) << 1)
/* The encoding swaps the halves of an SPR's number */
#define INSN_XFX(t, n, xo) INSN_X(t, (n) & 31, (n) >> 5, xo)

#define ILLEGAL 0u
#define NOP ORI(0, 0, 0)
#define LI(t, v) ADDI(t, 0, v)
#define LIS(t, v) INSN_D(15u, t, 0, v)
#define ADD(t, a, b) INSN_X(t, a, b, 266)
#define ADDI(t, a, v) INSN_D(14u, t, a, v)
#define ORI(a, s, v) INSN_D(24u, s, a, v)
#define OR(a, s, b) INSN_X(s, a, b, 444)
#define MR(a, s) INSN_X(s, a, s, 444)
#define CMPLW(a, b) INSN_X(0, a, b, 32)

#define LWZ(t, d, a) INSN_D(32u, t, a, d)
#define STW(s, d, a) INSN_D(36u, s, a, d)
#define STB(s, d, a) INSN_D(38u, s, a, d)
#define STH(s, d, a) INSN_D(44u, s, a, d)
#define LFD(t, d, a) INSN_D(50u, t, a, d)
#define LD(t, d, a) INSN_DS(58u, t, a, d)
#define STD(s, d, a) INSN_DS(62u, s, a, d)
#define LBARX(t, a, b) INSN_X(t, a, b, 52)
#define STBCX(s, a, b) (INSN_X(s, a, b, 694) | 1)
#define LHARX(t, a, b) INSN_X(t, a, b, 116)
#define STHCX(s, a, b) (INSN_X(s, a, b, 726) | 1)
#define LWARX(t, a, b) INSN_X(t, a, b, 20)
#define STWCX(s, a, b) (INSN_X(s, a, b, 150) | 1)
#define LDARX(t, a, b) INSN_X(t, a, b, 84)
#define STDCX(s, a, b) (INSN_X(s, a, b, 214) | 1)
#define LQARX(t, a, b) INSN_X(t, a, b, 276)
#define STQCX(s, a, b) (INSN_X(s, a, b, 182) | 1)
#define DCBST(a, b) INSN_X(0, a, b, 54)
#define DCBA(a, b) INSN_X(0, a, b, 758)
#define DCBZ(a, b) INSN_X(0, a, b, 1014)
#define DCBZL(a, b) INSN_X(1, a, b, 1014)
#define ICBI(a, b) INSN_X(0, a, b, 982)
#define SYNC INSN_X(0, 0, 0, 598)
#define ISYNC 0x4c00012cu

#define MFCR(t) INSN_X(t, 0, 0, 19)
#define MFSPR(t, n) INSN_XFX(t, n, 339)
#define MTSPR(n, s) INSN_XFX(s, n, 467)
#define MFTB(t) INSN_XFX(t, 268, 371)
#define MFLR(t) MFSPR(t, 8)
#define MTLR(s) MTSPR(8, s)
#define MFCTR(t) MFSPR(t, 9)
#define MTCTR(s) MTSPR(9, s)
#define MFMSR(t) INSN_X(t, 0, 0, 83)
#define MTMSR(s) INSN_X(s, 0, 0, 146)
#define MTMSRD(s, l) INSN_X(s, l, 0, 178)

/* Instructions for the hash MMU and for 32-bit processors */
#define SLBMFEE(t, b) INSN_X(t, 0, b, 915)
#define MTSR(sr, s) INSN_X(s, sr, 0, 210)
#define MFSR(t, sr) INSN_X(t, sr, 0, 595)
#define MTSRIN(s, b) INSN_X(s, 0, b, 242)
#define MFSRIN(t, b) INSN_X(t, 0, b, 659)
#define TLBIE(b) INSN_X(0, 0, b, 306)
#define TLBSYNC INSN_X(0, 0, 0, 566)

/* Instructions of embedded processors */
#define MFDCR(t, n) INSN_XFX(t, n, 323)
#define MTDCR(n, s) INSN_XFX(s, n, 451)
#define WRTEEI(e) INSN_X(0, 0, (e) << 4, 163)
#define TLBWE(s, a, w) INSN_X(s, a, w, 978)

#define B(d) (0x48000000u | ((d) & 0x03fffffc))
#define BL(d) (B(d) | 1)
#define BEQ(d) (0x41820000u | ((d) & 0xfffc))
#define BNE(d) (0x40820000u | ((d) & 0xfffc))
#define BEQ(d) (0x41820000u | ((d) & 0xfffc))
#define BDNZ(d) (0x42000000u | ((d) & 0xfffc))
#define BCTR 0x4e800420u
#define BCTRL 0x4e800421u
#define BLR 0x4e800020u
#define TRAP 0x7fe00008u
#define SC(lev) (0x44000002u | (lev) << 5)
#define RFI 0x4c000064u
#define RFID 0x4c000024u
#define RFCI 0x4c000066u

/* Makes the hypercall @n, a number of 16 bits */
#define HCALL(n) LI(3, 0), ORI(3, 3, n), SC(1)

#endif
