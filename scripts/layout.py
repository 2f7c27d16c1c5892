#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""layout.py OURS THEIRS [BINDINGS...]

Compares structures, unions and enumerators as the module was built with them,
OURS, with what the kernel that loads it says of itself, THEIRS: files of BTF
(Documentation/bpf/btf.rst in Linux), bare or in an ELF file's .BTF section.
Every structure of OURS that THEIRS has is to be the same in it: size, and each
member's name, offset and shape. A structure of that name which differs is
permitted if there is one that does not. BINDINGS, what bindgen wrote, are for
the report: how many of the structures in them were compared.

Prints what differs and fails, or says how much was compared.
"""

import re
import struct
import sys

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC = range(1, 13)
FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(13, 20)
# Bytes that follow a type's own 12: at all, and for each of its members
EXTRA = {INT: (4, 0), ARRAY: (12, 0), STRUCT: (0, 12), UNION: (0, 12), ENUM: (0, 8), FUNC_PROTO: (0, 8),
         VAR: (4, 0), DATASEC: (0, 12), DECL_TAG: (4, 0), ENUM64: (0, 12)}
NAMES_OTHER = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)
KEYWORD = {STRUCT: "struct", UNION: "union"}
LABEL = {**KEYWORD, TYPEDEF: "type"}


def section(data, name):
    """The contents of a section of a 64-bit little-endian ELF file."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count, strings = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    names = headers[strings][4]
    for title, _, _, _, start, length in headers:
        at = names + title
        if data[at:data.index(b"\0", at)] == name:
            return data[start:start + length]
    sys.exit(f"layout: no section {name.decode()}")


class Btf:
    """The types of a file."""

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        if data[:4] == b"\x7fELF":
            data = section(data, b".BTF")
        magic, _, _, header, type_off, type_len, str_off, _ = struct.unpack_from("<HBBIIIII", data)
        if magic != 0xEB9F:
            sys.exit(f"layout: {path} has no BTF of a little-endian machine")
        self.data = data
        self.strings = header + str_off
        self.types = [None]
        self.named = {}
        self.enumerators = {}
        at = header + type_off
        end = at + type_len
        while at < end:
            name, info, size = struct.unpack_from("<III", data, at)
            kind, count, flag = info >> 24 & 0x1F, info & 0xFFFF, info >> 31
            if not 0 < kind <= ENUM64:
                sys.exit(f"layout: {path} has a type of kind {kind}, which is not known here")
            self.types.append((kind, name, count, flag, size, at + 12))
            if kind in KEYWORD and name:
                self.named.setdefault((kind, self.string(name)), []).append(len(self.types) - 1)
            elif kind in (ENUM, ENUM64):
                self.collect(kind, count, at + 12)
            once, each = EXTRA.get(kind, (0, 0))
            at += 12 + once + each * count
        # Structures that have no name but a typedef's
        for kind, name, _, _, of, _ in self.types[1:]:
            if kind == TYPEDEF and of and self.types[of][0] in KEYWORD and not self.types[of][1]:
                self.named.setdefault((kind, self.string(name)), []).append(of)

    def string(self, offset):
        at = self.strings + offset
        return self.data[at:self.data.index(b"\0", at)].decode()

    def collect(self, kind, count, at):
        """The values of an enumeration's names."""
        for _ in range(count):
            if kind == ENUM:
                name, value = struct.unpack_from("<II", self.data, at)
                at += 8
            else:
                name, low, high = struct.unpack_from("<III", self.data, at)
                value = high << 32 | low
                at += 12
            self.enumerators.setdefault(self.string(name), set()).add(value & 0xFFFFFFFF)

    def shape(self, number):
        """What determines a type's layout in memory; pointers are not followed."""
        while number:
            kind, name, _, _, size, at = self.types[number]
            if kind not in NAMES_OTHER:
                break
            number = size
        if not number:
            return "void"
        if kind == INT:
            encoding, = struct.unpack_from("<I", self.data, at)
            return ("int", size, encoding & 0xFF, bool(encoding >> 24 & 1))
        if kind == ARRAY:
            element, _, count = struct.unpack_from("<III", self.data, at)
            of = self.shape(element)
            # Some versions of pahole write an array of arrays as one
            return ("array", count * of[1], of[2]) if of[0] == "array" else ("array", count, of)
        if kind in KEYWORD and name:
            return (KEYWORD[kind], self.string(name), size)
        if kind in KEYWORD:
            return (KEYWORD[kind], size, self.members(number))
        if kind in (ENUM, ENUM64):
            return ("enum", size)
        return ("pointer",) if kind == PTR else ("other", kind, size)

    def members(self, number):
        """(name, offset in bits, bits of a bit field, shape) of each."""
        _, _, count, flag, _, at = self.types[number]
        out = []
        for _ in range(count):
            name, of, offset = struct.unpack_from("<III", self.data, at)
            at += 12
            bits = offset >> 24 if flag else 0
            out.append((self.string(name), offset & 0xFFFFFF if flag else offset, bits, self.shape(of)))
        return tuple(out)

    def whole(self, number):
        return (self.types[number][4], self.members(number))


def difference(ours, theirs):
    """In words, the first one."""
    if ours[1] == theirs[1]:
        return f"{ours[0]} bytes, in the kernel {theirs[0]}"
    for a, b in zip(ours[1] + (None,), theirs[1] + (None,)):
        if a != b:
            break
    size = "" if ours[0] == theirs[0] else f"; {ours[0]} bytes, in the kernel {theirs[0]}"
    return f"{member(a)}, in the kernel {member(b)}{size}"


def member(m):
    if not m:
        return "no more members"
    place = f"bit {m[1]}" if m[2] or m[1] % 8 else f"byte {m[1] // 8}"
    text = str(m[3])
    return f"{m[0] or '(no name)'} at {place} as {text if len(text) < 80 else text[:77] + '...'}"


def main():
    ours, theirs = Btf(sys.argv[1]), Btf(sys.argv[2])
    wanted = set()
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as f:
            wanted |= set(re.findall(r"^pub (?:struct|union) (\w+) \{", f.read(), re.M))
    bad, same, bound, unknown = [], 0, set(), set()
    for (kind, name), numbers in sorted(ours.named.items()):
        there = [theirs.whole(n) for n in theirs.named.get((kind, name), [])]
        # gcc's debug information does not have the members of a transparent union
        there = [(size, members) for size, members in there if members or not size]
        if not there:
            if name in wanted:
                unknown.add(name)
            continue
        for number in numbers:
            here = ours.whole(number)
            if here in there:
                same += 1
                bound |= {name} & wanted
            else:
                bad.append(f"{LABEL[kind]} {name}: {difference(here, there[0])}")
    values = 0
    for name, here in sorted(ours.enumerators.items()):
        there = theirs.enumerators.get(name)
        if there is None:
            continue
        values += 1
        if not here <= there:
            bad.append(f"enumerator {name}: {sorted(here)}, in the kernel {sorted(there)}")
    for line in bad:
        print(f"layout: {line}")
    if bad:
        sys.exit(f"layout: {len(bad)} differ: the module would not fit this kernel")
    if not same:
        sys.exit("layout: nothing to compare")
    print(f"layout: {same} structures and {values} enumerators are the kernel's, "
          f"of them {len(bound)} structures of the bindings; {len(unknown)} more of these the kernel does not have")


if __name__ == "__main__":
    main()
