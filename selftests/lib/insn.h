/* SPDX-License-Identifier: GPL-2.0 */
/* Instruction words; operands in the assembler's order */
#ifndef INSN_H
#define INSN_H

#define INSN_RS(s, a) ((s) << 21 | (a) << 16)
#define INSN_D(t, d, a) (INSN_RS(t, a) | ((d) & 0xffff))
#define INSN_DS(t, d, a) (INSN_RS(t, a) | ((d) & 0xfffc))
/* The halves of a register's number are swapped */
#define INSN_SPR(t, n) ((t) << 21 | ((n) & 31) << 16 | ((n) >> 5) << 11)

#define NOP 0x60000000u
#define LI(t, v) ADDI(t, 0, v)
#define LIS(t, v) (0x3c000000u | INSN_D(t, v, 0))
#define ADDI(t, a, v) (0x38000000u | INSN_D(t, v, a))
#define ORI(a, s, v) (0x60000000u | INSN_D(s, v, a))

#define LWZ(t, d, a) (0x80000000u | INSN_D(t, d, a))
#define STW(s, d, a) (0x90000000u | INSN_D(s, d, a))
#define LD(t, d, a) (0xe8000000u | INSN_DS(t, d, a))
#define STD(s, d, a) (0xf8000000u | INSN_DS(s, d, a))
#define LWARX(t, b) (0x7c000028u | (t) << 21 | (b) << 11)
#define STWCX(s, b) (0x7c00012du | (s) << 21 | (b) << 11)
#define LDARX(t, b) (0x7c0000a8u | (t) << 21 | (b) << 11)
#define STDCX(s, b) (0x7c0001adu | (s) << 21 | (b) << 11)
#define DCBST(b) (0x7c00006cu | (b) << 11)
#define ICBI(b) (0x7c0007acu | (b) << 11)
#define SYNC 0x7c0004acu
#define ISYNC 0x4c00012cu

#define MFSPR(t, n) (0x7c0002a6u | INSN_SPR(t, n))
#define MTSPR(n, s) (0x7c0003a6u | INSN_SPR(s, n))
#define MTCTR(s) MTSPR(9, s)
#define MTMSR(s) (0x7c000124u | (s) << 21)
#define MTMSRD(s, l) (0x7c000164u | (s) << 21 | (l) << 16)

#define B(d) (0x48000000u | ((d) & 0x03fffffc))
#define BNE(d) (0x40820000u | ((d) & 0xfffc))
#define BDNZ(d) (0x42000000u | ((d) & 0xfffc))
#define BCTR 0x4e800420u
#define BCTRL 0x4e800421u
#define BLR 0x4e800020u
#define TRAP 0x7fe00008u
#define RFI 0x4c000064u
#define RFID 0x4c000024u

#endif
