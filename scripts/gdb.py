# SPDX-License-Identifier: GPL-2.0
"""A client for QEMU's gdb port, with the few packets of the remote protocol that are needed."""
import re
import socket


class Gdb:
    """An emulated machine that waits at a socket; its registers come in one byte order"""

    def __init__(self, path, order):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(600)
        self.buffer = b""
        self.order = order
        self.mask = None

    def byte(self):
        if not self.buffer:
            self.buffer = self.sock.recv(65536)
            if not self.buffer:
                raise SystemExit("the host went away")
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def send(self, packet):
        data = packet.encode()
        self.sock.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))

    def receive(self):
        while self.byte() != b"$":
            pass
        reply = b""
        while (c := self.byte()) != b"#":
            reply += c
        self.byte(), self.byte()
        self.sock.sendall(b"+")
        return reply.decode()

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def end(self):
        """The host's, at once"""
        self.send("k")

    def leave(self):
        """It goes on without us"""
        self.ask("D")

    def register(self, n):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{n:x}")), self.order)

    def set_register(self, n, value, size=4):
        if self.ask(f"P{n:x}={value.to_bytes(size, self.order).hex()}") != "OK":
            raise SystemExit(f"register {n} cannot be written")

    def step(self, masked):
        """One instruction, without interrupts and time, or with them"""
        if masked != self.mask:
            self.ask(f"Qqemu.sstep={7 if masked else 1}")
            self.mask = masked
        self.ask("s")

    def until(self, *places):
        for pc in places:
            self.ask(f"Z1,{pc:x},4")
        self.ask("c")
        for pc in places:
            self.ask(f"z1,{pc:x},4")

    def memory(self, at, size):
        """None where nothing is mapped"""
        reply = self.ask(f"m{at:x},{size:x}")
        return None if reply.startswith("E") else bytes.fromhex(reply)

    def word(self, at):
        data = self.memory(at, 4)
        return data and int.from_bytes(data, self.order)

    def monitor(self, command):
        """What QEMU's monitor says to this"""
        reply = self.ask("qRcmd," + command.encode().hex())
        said = ""
        while reply.startswith("O") and reply != "OK":
            said += bytes.fromhex(reply[1:]).decode()
            reply = self.receive()
        return said

    def names(self, feature):
        """Numbers of the registers of a feature (power-spr.xml), by their names"""
        text = ""
        while True:
            reply = self.ask(f"qXfer:features:read:{feature}:{len(text):x},4000")
            text += reply[1:]
            if reply.startswith("l"):
                break
        return {m[1]: int(m[2]) for m in re.finditer(r'name="(\w+)" bitsize="\d+" regnum="(\d+)"', text)}
