#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""stores.py SOCKET ASM-OFFSETS SYSTEM-MAP SKIP COUNT

Steps an emulated host, which waits at SOCKET (QEMU's gdb port), through COUNT
whole rounds, after SKIP, from one entry to a guest in problem state to the next.
Looks at every instruction of the module that stores; what the module calls runs
on its own. None may store into the PACA but into the shadow vcpu, kvm_hstate and
the flags of its interrupts. Prints what it found, as TAP; the exit status is 0 if
there was nothing.
"""
import re
import sys

from gdb import Gdb

PC, LR = 64, 67  # QEMU's numbers of registers
MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
BACK_BYTES = 128  # what of the module runs without relocation, from where the guest's exit comes to
MODULES = range(0xC008000000000000, 0xC00A000000000000)  # where modules are


def swapped(value):
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def stored(insn):
    """RA, RB or displacement, and size of what a store instruction writes; None for others"""
    op, ra, rb, d = insn >> 26, insn >> 16 & 31, insn >> 11 & 31, insn & 0xFFFF
    signed = d - 0x10000 if d & 0x8000 else d
    sizes = {36: 4, 37: 4, 38: 1, 39: 1, 44: 2, 45: 2, 52: 4, 53: 4, 54: 8, 55: 8}
    if op in sizes:
        return ra, None, signed, sizes[op]
    if op == 47:  # stmw
        return ra, None, signed, 4 * (32 - (insn >> 21 & 31))
    if op == 62:  # std, stdu, stq
        return ra, None, signed & ~3, 16 if insn & 3 == 2 else 8
    if op == 61 and insn & 7 in (2, 6):  # stxsd and its like
        return ra, None, signed & ~3, 8
    if op == 61 and insn & 7 in (3, 7):
        return ra, None, signed & ~3, 8
    if op == 61 and insn & 7 == 5:  # stxv
        return ra, None, signed & ~15, 16
    if op == 31:
        sizes = {151: 4, 183: 4, 215: 1, 247: 1, 407: 2, 439: 2, 149: 8, 181: 8,  # stwx, stbx, sthx, stdx
                 662: 4, 918: 2, 660: 8, 150: 4, 694: 1, 726: 2, 214: 8, 182: 16,  # byte-reversed, conditional
                 135: 1, 167: 2, 199: 4, 231: 16, 487: 16,  # VMX
                 663: 4, 695: 4, 727: 8, 759: 8, 983: 4,  # floating point
                 140: 4, 716: 8, 396: 16, 652: 4, 908: 4, 940: 8, 972: 16, 1004: 16, 908: 16,
                 1014: 128}  # VSX, dcbz
        size = sizes.get(insn >> 1 & 0x3FF)
        if size:
            return ra, rb, 0, size
    return None


def offsets(file):
    found = {}
    for line in open(file, encoding="ascii"):
        if m := re.match(r"#define (\w+) (-?\d+)", line):
            found[m[1]] = int(m[2])
    return found


def allowed(off):
    """Parts of the PACA that are ours, by their first and last members"""
    svcpu = [v for k, v in off.items() if k.startswith("SVCPU_")] + [off["PACA_SVCPU"]]
    hstate = [v for k, v in off.items() if k.startswith("HSTATE_")]
    return {
        "the shadow vcpu": range(min(svcpu), max(svcpu) + 8),
        "kvm_hstate": range(min(hstate), max(hstate) + 8),
        # By the kernel's own inline functions that disable and enable interrupts
        "irq_soft_mask": range(off["PACAIRQSOFTMASK"], off["PACAIRQSOFTMASK"] + 1),
        "irq_happened": range(off["PACAIRQHAPPENED"], off["PACAIRQHAPPENED"] + 1),
    }


def home(gdb, known, entries):
    """To where the kernel calls the module the next time"""
    if known:
        gdb.until(*known, *entries)
        assert gdb.register(PC) not in entries, "the module was entered somewhere else"
        return
    while (pc := gdb.register(PC)) not in MODULES:
        if pc & MASK32 == 0:  # firmware, of the other byte order
            gdb.until(swapped(gdb.register(LR)))
        else:
            gdb.step(masked=False)
    known.add(pc)


def main():
    path, asm_offsets, system_map, skip, count = sys.argv[1:]
    parts = allowed(offsets(asm_offsets))
    paca_end = (max(r.stop for r in parts.values()) + 0xFFF) & ~0xFFF
    entry = next(int(line.split()[0], 16) for line in open(system_map, encoding="ascii")
                 if line.split()[2] == "kvmppc_entry_trampoline")
    # Relocation may be off here
    entries = entry, entry & (1 << 60) - 1
    # In big-endian firmware, registers are read in its byte order
    gdb = Gdb(path, "little")
    gdb.ask("?")
    words, bad, seen = {}, {}, dict.fromkeys(parts, 0)
    ours = stores = rounds = 0
    for _ in range(int(skip)):
        gdb.until(*entries)
        gdb.ask("s")
    gdb.until(*entries)
    paca = gdb.register(13)
    back = gdb.register(LR)
    gdb.until(back)
    last = before = None  # the module's last instruction, and where it was
    known = set()  # where the kernel calls the module
    while rounds < int(count):
        pc = gdb.register(PC)
        if pc not in MODULES and pc not in range(back, back + BACK_BYTES):
            link = gdb.register(LR) if last else 0
            if pc in entries:
                rounds += 1
                back = link
                gdb.until(back)
            elif last and before >> 26 not in (16, 18, 19):
                gdb.until(last)  # a fault
            elif last and link in MODULES:
                gdb.until(link)  # a call
            else:
                home(gdb, known, entries)
            last = None
            continue
        if pc not in words:
            word = gdb.word(pc)
            if word is not None:
                words[pc] = word
        # A store whose page is not in the hash table is executed again after the fault
        last, before = pc, words.get(pc, 0)
        where = stored(before)
        ours += 1
        if where:
            stores += 1
            ra, rb, d, size = where
            base = gdb.register(ra) if ra else 0
            at = base + d + (gdb.register(rb) if rb is not None else 0)
            offset = (at & MASK64) - paca
            if 0 - size < offset < paca_end:
                for name, part in parts.items():
                    if offset in part and offset + size <= part.stop:
                        seen[name] += 1
                        break
                else:
                    bad[pc] = offset
        gdb.step(masked=True)
    gdb.end()
    print(f"# {rounds} rounds, {ours} instructions of the module, {stores} of them stores")
    for name, n in seen.items():
        print(f"# {n} into {name}")
    for pc, offset in bad.items():
        print(f"# {pc:#x} ({words[pc]:#010x}) stores at {offset} of the PACA")
    # If there were none of these, the test has seen nothing
    good = not bad and seen["the shadow vcpu"] >= rounds and ours > 0
    print("1..1")
    print(f"{'ok' if good else 'not ok'} 1 the module stores into its own parts of the PACA only")
    return 0 if good else 1


sys.exit(main())
