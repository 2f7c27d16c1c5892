#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""imports.py [-v] [RUST_FOLDER]

Checks what the files of the module import: rust/kvm_ppc.rs and what it declares.

- No file imports itself, be it through others. A name that a mod.rs only re-exports counts as
  the file's that defines it. Where a type's methods are spread over files, a call of one that
  only one of them defines counts as an import of that file, within a room.
- Rooms, the folders of rust/, import each other in one direction only (ROOMS).
- Outside of host, bindings are used for the structures and constants of KVM's interface only.
- Unsafe code is in host and bindings, and where UNSAFE says.

Prints each circle by the names of its files, and everything else that is not so, and fails if
there is anything. -v prints all imports, each with a path or a call that makes it one.
"""

import os
import re
import sys

# What each room may import besides itself, as Documentation/extending.rst has it
BACKEND = {"vm", "host", "emulate", "isa", "bindings"}
ROOMS = {
    "kvm_ppc.rs": {"hv", "pr", "e44x", "vm", "host"},
    "hv": BACKEND,
    "pr": BACKEND,
    "e44x": BACKEND,
    "vm": {"host", "emulate", "isa", "bindings"},
    "host": {"emulate", "isa", "bindings"},
    "emulate": {"isa"},
    "isa": set(),
    "bindings": set(),
}
# Files outside of host and bindings that have unsafe code: the tables that the hardware walks, and
# the lock that is a proof
UNSAFE = {
    "hv/hash/map.rs",
    "hv/hash/table.rs",
    "hv/mmu/fault.rs",
    "hv/mmu/guest.rs",
    "hv/mmu/tree.rs",
    "vm/mmu_lock.rs",
}
# What module! defines in the root
DEFINED_BY_MACRO = {"THIS_MODULE", "LocalModule"}
METHOD = re.compile(r"\bfn\s+(\w+)\s*(?:<[^(]*>)?\s*\(\s*(?:&\s*(?:'\w+\s+)?)?(?:mut\s+)?self\b")
MOD = re.compile(r"^[ \t]*((?:#\[[^\]]*\]\s*|//[^\n]*\n\s*)*)(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", re.M)
WORD = re.compile(r"\w+")


def plain(text):
    """The source without comments, and with strings emptied."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|b?"(?:\\.|[^"\\])*"|' r"'(?:\\.[^']*|[^'\\])'", re.S)
    return token.sub(lambda m: '""' if '"' in m.group()[:2] else " ", text)


def leaves(tree, prefix=()):
    """The paths that a use tree names: (path, name it gets)."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace >= 0:
        head = [p.strip() for p in tree[:brace].split("::") if p.strip()]
        depth, start, body = 0, 0, tree[brace + 1:tree.rindex("}")]
        for i, c in enumerate(body + ","):
            depth += (c == "{") - (c == "}")
            if c == "," and depth == 0:
                if body[start:i].strip():
                    yield from leaves(body[start:i], prefix + tuple(head))
                start = i + 1
        return
    path, _, name = tree.partition(" as ")
    path = prefix + tuple(p.strip() for p in path.split("::") if p.strip())
    if path and path[-1] == "self":
        path = path[:-1]
    if path:
        yield path, name.strip() or path[-1]


def block_end(text, at):
    """Where the block that begins before `at` ends."""
    depth = 1
    while depth and at < len(text):
        depth += (text[at] == "{") - (text[at] == "}")
        at += 1
    return at


class Module:
    """A file, as a module."""

    def __init__(self, path, file, text):
        self.path, self.file, self.text = path, file, plain(text)
        self.children = {}
        # Names that are others': by the path that they were imported from
        self.names = {}
        # Modules that are written inside this file: where, and their names
        self.inline = [(m.end(), block_end(self.text, m.end()), m.group(1))
                       for m in re.finditer(r"\bmod\s+(\w+)\s*\{", self.text)]
        self.uses = []
        for m in re.finditer(r"\b(?:pub(?:\([^)]*\))?\s+)?use\s+([^;]*);", self.text):
            self.uses += [(path, name, self.within(m.start())) for path, name in leaves(m.group(1))]
        self.rest = re.sub(r"\b(?:pub(?:\([^)]*\))?\s+)?use\s+[^;]*;", lambda m: " " * len(m.group()), self.text)

    def within(self, at):
        """The module that this place of the file is in."""
        return self.path + tuple(name for start, end, name in self.inline if start <= at < end)

    def impls(self):
        """The inherent impl blocks: whether their type is defined here, and their methods."""
        for m in re.finditer(r"^impl\b(?:<[^{]*?>)?\s+([\w:]+)[^{;]*\{", self.rest, re.M):
            if re.search(r"\bfor\b", m.group()):
                continue
            name = m.group(1).split("::")[-1]
            body = self.rest[m.end():block_end(self.rest, m.end())]
            here = re.search(rf"\b(?:struct|enum|union)\s+{name}\b", self.rest)
            yield bool(here), METHOD.findall(body)

    def spread(self):
        """Methods of types that are defined elsewhere."""
        return {name for here, names in self.impls() if not here for name in names}

    def own(self):
        """Methods of types that are defined here."""
        return {name for here, names in self.impls() if here for name in names}


class Tree:
    """All modules below a crate's root."""

    def __init__(self, folder, root):
        self.folder = folder
        self.modules = {}
        self.load((), root)
        for module in self.modules.values():
            for path, name, within in module.uses:
                if within == module.path:
                    module.names[name] = path
        self.edges = {m: {} for m in self.modules}
        for module in self.modules.values():
            self.imports(module)
        self.methods()

    def load(self, path, file):
        with open(os.path.join(self.folder, file), encoding="utf-8") as f:
            text = f.read()
        module = self.modules[path] = Module(path, file, text)
        stem = "" if not path or os.path.basename(file) == "mod.rs" else os.path.basename(file)[:-3] + "/"
        base = os.path.join(os.path.dirname(file), stem)
        for m in MOD.finditer(text):
            name, given = m.group(2), re.findall(r'path = "([^"]*)"', m.group(1))
            files = [os.path.join(os.path.dirname(file), f) for f in given]
            if not given or re.search(r"cfg_attr\([^\]]*path = ", m.group(1)):
                files = [base + f"{name}.rs", base + f"{name}/mod.rs", *files]
            found = [os.path.normpath(f) for f in files if os.path.exists(os.path.join(self.folder, f))]
            for i, child in enumerate(found):
                # Of two files that a configuration chooses from, the second has a name of its own
                child_path = path + (name if i == 0 else f"{name}#{i}",)
                module.children.setdefault(name, child_path)
                self.load(child_path, child)

    def absolute(self, module, within, path):
        """A path in a module of this file as of the crate's root; None if it is another crate's."""
        head, rest = path[0], path[1:]
        if head == "crate":
            return rest
        if head == "self":
            return within + rest
        if head == "super":
            base = within[:-1]
            while rest and rest[0] == "super":
                base, rest = base[:-1], rest[1:]
            return base + rest
        if head in module.children and within == module.path:
            return module.path + path
        return None

    def resolve(self, path, seen=()):
        """The module that a path's item is defined in, through re-exports."""
        at, i = (), 0
        while i < len(path) and path[i] in self.modules[at].children:
            at, i = at + (path[i],), i + 1
        module = self.modules[at]
        if i < len(path) and path[i] in module.names and (at, path[i]) not in seen:
            to = self.absolute(module, at, module.names[path[i]])
            if to is not None and to != at + (path[i],):
                return self.resolve(to + path[i + 1:], seen + ((at, path[i]),))
        return at

    def add(self, module, to, why):
        for other in (to, to[:-1] + (to[-1] + "#1",)) if to else (to,):
            if other in self.modules and other != module.path:
                self.edges[module.path].setdefault(other, why)

    def imports(self, module):
        paths = [(path, within) for path, _, within in module.uses]
        heads = "|".join(["crate", "super", "self", *module.children])
        for m in re.finditer(rf"(?<![\w:])((?:{heads})(?:\s*::\s*\w+)+)", module.rest):
            paths.append((tuple(WORD.findall(m.group(1))), module.within(m.start())))
        for path, within in paths:
            to = self.absolute(module, within, path)
            if to and to[0] not in DEFINED_BY_MACRO:
                self.add(module, self.resolve(to), "::".join(path))

    def methods(self):
        """Calls of methods of a type that are defined in another file than the type."""
        for room in {path[0] for path in self.modules if path}:
            modules = [m for p, m in self.modules.items() if p[:1] == (room,)]
            where = {}
            for module in modules:
                for name in module.spread():
                    where.setdefault(name, set()).add(module.path)
            others = {name for module in modules for name in module.own()}
            for module in modules:
                for name in re.findall(r"\.\s*(\w+)\s*(?:::<[^>]*>)?\(", module.rest):
                    homes = where.get(name, ())
                    if len(homes) == 1 and name not in others:
                        self.add(module, *homes, f".{name}()")


def circles(edges):
    """Strongly connected files, by Tarjan's algorithm."""
    index, low, stack, out = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in edges[v]:
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            group = []
            while True:
                w = stack.pop()
                group.append(w)
                if w == v:
                    break
            if len(group) > 1:
                out.append(sorted(group))

    sys.setrecursionlimit(10000)
    for v in edges:
        if v not in index:
            visit(v)
    return out


def room(file):
    return file.split("/")[0]


def rooms(tree):
    """Imports that a room may not make."""
    for a, to in tree.edges.items():
        for b, why in to.items():
            one, other = tree.modules[a].file, tree.modules[b].file
            if room(one) != room(other) and room(other) not in ROOMS.get(room(one), ()):
                yield f"{one} imports {other}: {why}"


def interface(tree):
    """Names of bindings that are not of KVM's interface, and unsafe code, outside of host."""
    helpers = set()
    folder = os.path.join(tree.folder, "bindings")
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name.endswith((".c", ".h")):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                helpers |= set(re.findall(r"\b(kvm_\w+)\(", f.read()))
    for module in tree.modules.values():
        if room(module.file) in ("host", "bindings"):
            continue
        paths = [path for path, _, _ in module.uses]
        paths += [tuple(WORD.findall(m)) for m in re.findall(r"\bbindings(?:::\w+)+", module.rest)]
        for path in paths:
            if "bindings" not in path[:-1]:
                continue
            name = path[path.index("bindings") + 1]
            if name in helpers or not re.match(r"kvm_|KVM_|KVMIO$|\*$", name):
                yield f"{module.file} uses bindings::{name}"
        if module.file not in UNSAFE and re.search(r"\bunsafe\b(?!_code|_op)", module.text):
            yield f"{module.file} has unsafe code"


def main():
    args = sys.argv[1:]
    verbose = "-v" in args
    args = [a for a in args if a != "-v"]
    folder = args[0] if args else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rust")
    tree = Tree(folder, "kvm_ppc.rs")
    edges = {tree.modules[a].file: {tree.modules[b].file: why for b, why in to.items()} for a, to in tree.edges.items()}
    if verbose:
        for a in sorted(edges):
            for b, why in sorted(edges[a].items()):
                print(f"{a} -> {b}: {why}")
    bad = False
    for group in circles(edges):
        bad = True
        print(f"circle of {len(group)} files: {' '.join(group)}")
        for a in group:
            for b, why in sorted(edges[a].items()):
                if b in group:
                    print(f"\t{a} imports {b}: {why}")
    for line in sorted({*rooms(tree), *interface(tree)}):
        bad = True
        print(line)
    # What no declaration leads to was not looked at
    for name in ROOMS:
        for where, _, files in os.walk(os.path.join(folder, name)):
            for file in sorted(files):
                file = os.path.relpath(os.path.join(where, file), folder)
                if file.endswith(".rs") and file not in edges and file != "bindings/generated.rs":
                    bad = True
                    print(f"{file} is declared nowhere")
    sys.exit(bad)


main()
