#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""switch.py SOCKET MODULE SYSTEM-MAP

Steps an emulated 440 host, which waits at SOCKET (QEMU's gdb port) and runs the
test `integrity` with MODULE loaded, with exits for privileged instructions, of
which one changes the PID, through the module's world switch: whole
rounds into a guest and out, looking at each instruction for what has to be
valid there; then it lets a critical interrupt or a machine check come at each
where the processor would take one. What they find has to be as it was when they
return. The host then goes on by itself. Prints TAP; the exit status is 0 if all
was well.
"""
import re
import struct
import sys

from gdb import Gdb

LOWMEM, LOWMEM_SIZE, BLOCK = 0xC0000000, 256 << 20, 0x10000
CURRENT, CODE = 0x3FF0, 0x4000  # as e44x_switch.h has them
CONTEXT_PID, FORGET_CODE, RESERVED = 152, 220, 224  # in a vCPU's context
PC, MSR, CR, LR, CTR, XER = range(32, 38)  # in what `g` replies, after the GPRs
GDB_PC, GDB_MSR = 64, 65  # QEMU's numbers
CE, EE, PR, ME, DE, IS, DS = 1 << 17, 1 << 15, 1 << 14, 1 << 12, 1 << 9, 1 << 5, 1 << 4
CRITICAL = {0: "critical input", 1: "machine check", 12: "watchdog", 15: "debug"}
# What these interrupts and their return must not change; they may use SPRG2, 6 and 7
KEPT = "srr0 srr1 sprg0 sprg1 sprg3 sprg4 pid ivpr usprg0 dbcr0".split()
ROUNDS = 10


def switch_code(module):
    """The code of asm/e44x.S, and the offsets of its labels"""
    elf = open(module, "rb").read()
    shoff, = struct.unpack_from(">I", elf, 32)
    shentsize, shnum = struct.unpack_from(">HH", elf, 46)
    sections = [struct.unpack_from(">10I", elf, shoff + i * shentsize) for i in range(shnum)]
    symbols = {}
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind != 2:
            continue
        for at in range(offset, offset + size, 16):
            name, value, _, _, _, section = struct.unpack_from(">IIIBBH", elf, at)
            begin = sections[link][4] + name
            symbols[elf[begin:elf.index(b"\0", begin)].decode()] = value, section
    first, section = symbols["kvm_ppc_e44x_code"]
    end, _ = symbols["kvm_ppc_e44x_code_end"]
    start = sections[section][4] + first
    labels = {}
    for name in ("enter", "interrupt", "leave", "skip", "critical", "tlb_write"):
        labels[name] = symbols[name][0] - first
    return elf[start:start + end - first], labels


class Host:
    """The host, and where it has the switch"""

    def __init__(self, path, module, system_map):
        self.gdb = Gdb(path, "big")
        self.gdb.ask("?")
        self.gdb.ask("Qqemu.PhyMemMode:1")
        self.spr = self.gdb.names("power-spr.xml")
        self.code, self.labels = switch_code(module)
        self.symbols = {line.split()[2]: int(line.split()[0], 16) for line in open(system_map, encoding="ascii")}
        self.ivor = [0] * 16
        self.base = self.ivpr = 0
        self.pinned = []

    def sprs(self, *names):
        return [self.gdb.register(self.spr[name]) for name in names]

    def state(self):
        data = bytes.fromhex(self.gdb.ask("g"))
        return list(struct.unpack(f">{len(data) // 4}I", data))[:38]

    def go(self, pc, msr):
        self.gdb.set_register(GDB_MSR, msr)
        self.gdb.set_register(GDB_PC, pc)

    def word(self, at):
        return self.gdb.word(at - LOWMEM)

    def find(self):
        """Stops where the VM's guest is about to be entered for the first time"""
        # Only the module uses it in this kernel
        self.gdb.until(self.symbols["__mmu_notifier_register"])
        blocks = []
        while not blocks:
            self.gdb.until(self.symbols["sys_ioctl"])
            for base in range(0, LOWMEM_SIZE, BLOCK):
                if self.gdb.memory(base + CODE, 16) == self.code[:16]:
                    blocks.append(LOWMEM + base)
        # Some may belong to VMs that no longer exist
        self.gdb.until(*(base + CODE + self.labels["enter"] for base in blocks))
        self.base = self.gdb.register(GDB_PC) - CODE - self.labels["enter"]
        self.ivpr, = self.sprs("ivpr")
        self.ivor = [n & 0xFFF0 for n in self.sprs(*(f"ivor{n}" for n in range(16)))]
        self.pinned = self.large_entries()

    def at(self, label):
        return self.base + CODE + self.labels[label]

    def vectors(self):
        return [self.base + n for n in self.ivor]

    def large_entries(self):
        """What is mapped in address space 0 for all processes by more than pages: effective addresses"""
        entries = []
        for line in self.gdb.monitor("info tlb").splitlines():
            if m := re.match(r"0x(\w+) 0x(\w+) +(\d+)([kMG]) (\d+) +\w+ (\w+)", line):
                size = int(m[3]) << {"k": 10, "M": 20, "G": 30}[m[4]]
                if size > 1 << 20 and m[5] == "0" and not int(m[6], 16) & 1:
                    entries.append(range(int(m[1], 16), int(m[1], 16) + size))
        return entries

    def is_pinned(self, first, last):
        return any(first in r and last in r for r in self.pinned)


def accessed(insn, gpr):
    """Addresses of the first and last byte that a D-form load or store is about; None for others"""
    op, rt, ra, d = insn >> 26, insn >> 21 & 31, insn >> 16 & 31, insn & 0xFFFF
    if not 32 <= op <= 55:
        return None
    at = (gpr[ra] if ra else 0) + (d - 0x10000 if d & 0x8000 else d) & 0xFFFFFFFF
    return at, at + (4 * (32 - rt) if op in (46, 47) else 4) - 1


class Test:
    """Rounds through the switch, and what was found there"""

    def __init__(self, host):
        self.host = host
        self.bad = {}
        self.stepped = 0
        self.injected = dict.fromkeys(("in the block", "in the host's vectors", "in the guest"), 0)
        self.seen = set()  # offsets of instructions in the code
        self.visited = set()  # addresses, in this round
        self.inside, self.outside = set(), set()  # where interrupts are enabled, with whose vectors
        self.last_pid = None  # under which the guest was entered just before, if that was looked at
        self.entries = {"kept": 0, "forgotten": 0, "under another PID": 0}

    def wrong(self, pc, what):
        self.bad.setdefault((pc - self.host.base, what), 0)
        self.bad[pc - self.host.base, what] += 1

    def look(self, s, on_the_way_in):
        """At one instruction, before it is executed"""
        host, pc, msr = self.host, s[PC], s[MSR]
        ivpr, sprg3 = host.sprs("ivpr", "sprg3")
        self.stepped += 1
        self.visited.add(pc)
        if 0 <= pc - host.base - CODE < len(host.code):
            self.seen.add(pc - host.base - CODE)
        if sprg3 != self.sprg3:
            self.wrong(pc, "SPRG3 is not the host's")
        if msr & (EE | IS) or not host.is_pinned(pc, pc + 3):
            self.wrong(pc, "the code is not where it cannot miss or be interrupted")
        if ivpr == host.ivpr:
            if msr & CE:
                self.outside.add(pc)
            return
        if ivpr != host.base:
            self.wrong(pc, "IVPR is nobody's")
        if on_the_way_in and (msr & (CE | DE) or self.machine_checks):
            self.wrong(pc, "an interrupt is enabled on the way in")
        if not on_the_way_in and msr & (CE | ME | DE):
            self.inside.add(pc)
        access = accessed(host.word(pc), s)
        if access and not msr & DS and not host.is_pinned(*access):
            self.wrong(pc, "an access might miss")
        if msr & DS and access and host.word(pc) != READ_INSN:
            self.wrong(pc, "an access in the guest's address space")

    def as_hardware(self):
        """In MSR what the processor leaves there at an interrupt, and QEMU clears"""
        host = self.host
        srr1, = host.sprs("srr1")
        host.gdb.set_register(GDB_MSR, host.state()[MSR] | srr1 & (CE | DE))

    def walk(self, force):
        """From `enter` to its return. `force`: the guest's instruction cannot be read"""
        host, gdb = self.host, self.host.gdb
        s = host.state()
        home, back = s[LR], s[1]
        self.sprg3, = host.sprs("sprg3")
        self.machine_checks = True
        context, way_in = s[3], []
        while True:
            s = host.state()
            # The guest's first fetch may miss
            if s[MSR] & PR or s[PC] in host.vectors():
                break
            self.look(s, True)
            word = host.word(s[PC])
            way_in.append(word)
            if word & MTMSR_MASK == MTMSR:
                self.machine_checks = bool(s[word >> 21 & 31] & ME)
            gdb.step(masked=True)
        self.way_in(context, way_in)
        # Without the host's timer, which would end each round
        for _ in range(400):
            if not host.state()[MSR] & PR:
                break
            gdb.step(masked=True)
        else:
            gdb.until(*host.vectors())
        self.as_hardware()
        for _ in range(400):
            s = host.state()
            if s[PC] == home:
                break
            self.look(s, False)
            if force and host.word(s[PC]) == READ_INSN and s[MSR] & DS:
                gdb.set_register(5, NOT_MAPPED)
            gdb.step(masked=True)
        if (s[PC], s[1]) != (home, back) or host.large_entries() != host.pinned:
            self.wrong(s[PC], "it does not come back as it went")
        gdb.until(host.at("enter"))

    def way_in(self, context, words):
        """What has to be done for caches and reservations before the guest runs"""
        pid, forget = (self.host.word(context + n) for n in (CONTEXT_PID, FORGET_CODE))
        another = self.last_pid not in (None, pid)
        self.last_pid = pid
        self.entries["under another PID"] += another
        self.entries["forgotten" if forget else "kept"] += 1
        if another and not forget:
            self.wrong(context, "another context's instructions stay in the cache")
        if (ICCCI in words) != bool(forget):
            self.wrong(context, "the instruction cache is made invalid, or not, against what it was told")
        if ICCCI in words:
            at = words.index(ICCCI)
            before, behind = words[:at], words[at:]
            if before[-1:] != [SYNC] or behind[1:3] != [SYNC, ISYNC] or not any(
                    word & ~(31 << 21) == MTPID for word in before):
                self.wrong(context, "the instruction cache is not made invalid in order")
        if not any(word & 0xFC0007FF == STWCX for word in words):
            self.wrong(context, "the host's reservation stays")

    def interrupt_at(self, pc, number, part, arrive):
        """Interrupt `number` comes at `pc`, and returns there"""
        host, gdb = self.host, self.host.gdb
        arrive()
        if host.state()[PC] != pc:
            gdb.until(pc)
        before, kept = host.state(), host.sprs(*KEPT)
        ivpr, msr = kept[KEPT.index("ivpr")], before[MSR]
        if not msr & CE:
            return
        for name, value in (("csrr0", pc), ("csrr1", msr)):
            gdb.set_register(host.spr[name], value)
        host.go(ivpr + host.ivor[number], 0 if number == 1 else msr & ME)
        if ivpr == host.base:
            for _ in range(60):
                gdb.step(masked=True)
                s = host.state()
                if s[PC] == pc:
                    break
                offset = s[PC] - host.base - CODE
                if 0 <= offset < len(host.code):
                    self.seen.add(offset)
                access = accessed(host.word(s[PC]), s)
                if access or s[MSR] & (CE | EE | DE | DS | IS):
                    self.wrong(s[PC], "the handler touches memory or can be interrupted")
            expected = msr & ~(CE | ME | DE)
        else:
            gdb.until(pc)
            s, expected = host.state(), msr
        self.injected[part] += 1
        same = [i for i in range(38) if i != MSR]
        if [s[i] for i in same] != [before[i] for i in same] or s[MSR] != expected or host.sprs(*KEPT) != kept:
            self.wrong(pc, f"{CRITICAL[number]} does not return with everything as it was")

    def interrupt_guest(self, number):
        """Ends it, like any other"""
        host, gdb = self.host, self.host.gdb
        s = host.state()
        home = s[LR]
        gdb.until(host.at("interrupt") - 4)  # the `rfi` of `enter`
        gdb.step(masked=True)
        s = host.state()
        if not s[MSR] & PR:
            raise SystemExit("the guest does not begin")
        for name, value in (("csrr0", s[PC]), ("csrr1", s[MSR])):
            gdb.set_register(host.spr[name], value)
        host.go(host.base + host.ivor[number], s[MSR] & ME)
        while (pc := gdb.register(GDB_PC)) != host.at("interrupt"):
            self.seen.add(pc - host.base - CODE)
            gdb.step(masked=True)
        gdb.until(home)
        self.injected["in the guest"] += 1
        if host.state()[3] != number or host.sprs("ivpr") != [host.ivpr]:
            self.wrong(s[PC], f"{CRITICAL[number]} does not end the guest")

    def leave_guest(self, force):
        """To the vector by which a privileged instruction ends it. `force`: on, until it is about to be read"""
        host, gdb = self.host, self.host.gdb
        vector = host.base + host.ivor[PROGRAM]
        if host.state()[PC] == vector:
            gdb.step(masked=True)
        gdb.until(vector)
        self.as_hardware()
        if force:
            gdb.until(self.read_insn)
            gdb.set_register(5, NOT_MAPPED)
            # The miss
            gdb.step(masked=True)
            self.as_hardware()

    def all(self):
        host = self.host
        words = struct.unpack(f">{len(host.code) // 4}I", host.code)
        self.read_insn = host.base + CODE + 4 * words.index(READ_INSN)
        for force in (False, True):
            before, self.inside = self.inside, set()
            if host.state()[PC] != host.at("enter"):
                host.gdb.until(host.at("enter"))
            self.walks(force, self.read_insn)
            if force:
                self.inside = self.inside - before | self.skipping()
            # The vectors are all alike
            program = host.base + host.ivor[PROGRAM]
            places = {*range(program, program + 12), *range(host.at("enter"), host.at("tlb_write"))}
            if force:
                places |= self.skipping()
            self.last_pid = None
            for pc in sorted(self.inside & places):
                for number in CRITICAL:
                    self.interrupt_at(pc, number, "in the block", lambda: self.leave_guest(force))
        for pc in sorted(self.outside):
            self.interrupt_at(pc, 15, "in the host's vectors", lambda: None)
        host.gdb.until(host.at("enter"))
        for number in (0, 12, 15):
            for _ in range(3):
                self.interrupt_guest(number)
                host.gdb.until(host.at("enter"))
        self.find_other_context()
        self.walks(False, self.read_insn)

    def find_other_context(self):
        """On to where the guest changes its PID"""
        host, pids = self.host, set()
        for _ in range(5000):
            pids.add(host.word(host.state()[3] + CONTEXT_PID))
            if len(pids) > 1:
                return
            host.gdb.step(masked=True)
            host.gdb.until(host.at("enter"))
        self.wrong(host.at("enter"), "the guest has one context only")

    def walks(self, force, pc):
        """Rounds, until this instruction was executed in enough of them"""
        rounds, self.last_pid = 0, None
        for _ in range(20 * ROUNDS):
            self.visited.clear()
            self.walk(force)
            rounds += pc in self.visited
            if rounds == ROUNDS:
                return
        self.wrong(pc, "is not executed")

    def skipping(self):
        """Instructions from the miss of the read to its end, which lie behind `leave_guest`"""
        host = self.host
        miss = host.base + host.ivor[DATA_MISS]
        ranges = (range(miss, miss + 12, 4), range(host.at("interrupt"), host.at("interrupt") + 24, 4),
                  range(host.at("skip"), host.at("critical"), 4))
        return {pc for r in ranges for pc in r}


READ_INSN = 0x81450000  # lwz r10,0(r5)
ICCCI, SYNC, ISYNC = 0x7C001F8C, 0x7C0004AC, 0x4C00012C  # iccci 0,r3
MTPID, STWCX = 0x7C100BA6, 0x7C00012D  # without their registers
CLEAR_IC = 0x3D400800  # lis r10,DBSR_IC@h
MTMSR, MTMSR_MASK = 0x7C000124, 0xFC1FFFFE
PROGRAM, DATA_MISS = 6, 13
NOT_MAPPED = 0x7FFF0000  # by no guest of this test


def main():
    host = Host(*sys.argv[1:])
    test = Test(host)
    host.find()
    test.all()
    host.gdb.leave()
    print(f"# {test.stepped} instructions looked at; interrupts:",
          ", ".join(f"{n} {where}" for where, n in test.injected.items()))
    print("# entries; the instruction cache:", ", ".join(f"{n} {what}" for what, n in test.entries.items()))
    for (offset, what), n in list(test.bad.items())[:20]:
        print(f"# at {offset & 0xFFFFFFFF:#x} of the block, {n} times: {what}")
    words = struct.unpack(f">{len(host.code) // 4}I", host.code)
    # This and the next one follow a single step, which is QEMU's own device here
    stepping = 4 * words.index(CLEAR_IC)
    missing = [n for n in range(host.labels["enter"], host.labels["tlb_write"], 4)
               if n not in test.seen and n not in (stepping, stepping + 4)]
    if missing:
        print("# never executed:", " ".join(f"{n:#x}" for n in missing))
    results = {
        "the switch can be interrupted at any instruction": not test.bad and all(test.injected.values()),
        "every instruction of it was executed": not missing,
        "the instruction cache is made invalid when another context runs": all(test.entries.values()),
    }
    print(f"1..{len(results)}")
    for i, (name, good) in enumerate(results.items(), 1):
        print(f"{'ok' if good else 'not ok'} {i} {name}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
