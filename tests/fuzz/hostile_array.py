#!/usr/bin/env python3
"""An array that keeps to no rule: hostile_array.py [ADDRESS:]PORT=TRICK...

Each port is a target with one small disk that behaves until its trick is due. Ends with its parent's signal.
"""
import os
import socket
import struct
import sys
import threading

IQN = "iqn.2026-11.org.example:hostile-%d"
NO_TAG = 0xFFFFFFFF
HONEST_COMMANDS = 8  # enough to be found and claimed
NOP_IN, RESPONSE, LOGIN, TEXT, DATA_IN, R2T, ASYNC, REJECT = 0x20, 0x21, 0x23, 0x24, 0x25, 0x31, 0x32, 0x3F
READ, WRITE = 0x40, 0x20


def sense(key, asc):
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc >> 8, asc & 255, 0, 0, 0, 0])


class Connection:
    def __init__(self, sock, port, trick):
        self.sock, self.port, self.trick = sock, port, trick
        self.stat_sn, self.exp_cmd_sn, self.commands = 1, 1, 0

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.sock.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive_pdu(self):
        bhs = self.receive(48)
        length = int.from_bytes(bhs[5:8], "big")
        return bhs, self.receive(length + -length % 4)[:length]

    def pdu(self, opcode, itt, data=b"", *, flags=0x80, ttt=NO_TAG, status=0, f36=0, f40=0, f44=0, length=None):
        tail = struct.pack(">IIIIIIII", itt, ttt, self.stat_sn, self.exp_cmd_sn, self.exp_cmd_sn + 64, f36, f40, f44)
        segment = (len(data) if length is None else length).to_bytes(3, "big")
        self.stat_sn += 1
        return bytes([opcode, flags, 0, status, 0]) + segment + bytes(8) + tail + data + bytes(-len(data) % 4)

    def send(self, *args, **kwargs):
        self.sock.sendall(self.pdu(*args, **kwargs))

    def log_in(self):
        while True:
            bhs, data = self.receive_pdu()
            itt, flags = int.from_bytes(bhs[16:20], "big"), bhs[1] & 0x8F
            self.exp_cmd_sn = int.from_bytes(bhs[24:28], "big")
            if b"SessionType=Discovery" not in data:
                if self.trick == "login-data-in":
                    self.send(DATA_IN, itt, b"data", flags=0x81)
                elif self.trick == "login-r2t":
                    self.send(R2T, itt, ttt=1, f44=512)
                elif self.trick == "login-garbage":
                    self.sock.sendall(os.urandom(4096))
            keys = b"TargetPortalGroupTag=1\0"
            if flags & 0x0C:
                limit = b"0" if self.trick == "no-segments" else b"262144"
                keys += b"MaxRecvDataSegmentLength=" + limit + b"\0InitialR2T=No\0ImmediateData=Yes\0"
            else:
                keys += b"AuthMethod=None\0"
            if self.trick == "prefers-chap" and not flags & 0x0C:
                keys, flags = b"AuthMethod=CHAP\0", 0
            answer = bytearray(self.pdu(LOGIN, itt, keys, flags=flags))
            answer[8:14] = bhs[8:14]
            answer[15] = flags & 1
            answer[36:40] = bytes([2, 0, 0, 0] if self.trick == "no-security" and not flags & 0x0C else 4)
            self.sock.sendall(answer)
            if flags & 0x83 == 0x83:
                return

    def send_targets(self, itt):
        name = (IQN % self.port).encode()
        address = b"TargetAddress=127.0.0.1:%d,1\0" % self.port
        if self.trick == "text-data-in":
            self.send(DATA_IN, itt, b"data", flags=0x81)
        elif self.trick == "text-r2t":
            self.send(R2T, itt, ttt=1, f44=512)
        elif self.trick == "text-other-tag":
            self.sock.sendall(self.pdu(TEXT, itt ^ 1) + self.pdu(DATA_IN, itt, b"data", flags=0x81))
        elif self.trick == "long-name":
            self.send(TEXT, itt, b"TargetName=" + name + b"x" * 4000 + b"\0" + address)
        elif self.trick == "odd-name":
            self.send(TEXT, itt, b"TargetName=" + name + b"\n\x1b[31m\"\xff\0" + address)
        else:
            self.send(TEXT, itt, b"TargetName=" + name + b"\0" + address)

    def answer(self, cdb):
        if cdb[0] == 0x12 and not cdb[1] & 1:
            return bytes([0, 0, 6, 2, 91, 0, 0, 2]) + b"HOSTILE DISK            1   " + bytes(60)
        if cdb[0] == 0x12 and cdb[2] == 0x83:
            designator = b"\1\3\0\x08\x60\0\0\0" + struct.pack(">I", self.port)
            return b"\0\x83" + (b"\xff\xff" if self.trick == "long-page" else b"\0\x0c") + designator
        if cdb[0] == 0xA0:
            return (b"\xff" * 4 if self.trick == "long-list" else b"\0\0\0\x08") + bytes(12)
        if cdb[0] == 0x9E:
            block_size = {"block-size-0": 0, "block-size-3": 3}.get(self.trick, 512)
            return struct.pack(">QI20x", 2**64 - 2 if self.trick == "endless" else 131071, block_size)
        return None

    def trick_due(self, itt, flags, expected):
        """True: the command has had its answer, or gets none."""
        trick = self.trick
        if trick.startswith("sense-"):  # so many bytes of a segment that claims to hold more
            self.send(RESPONSE, itt, (b"\xff\xff" + sense(6, 0x2900))[: int(trick[6:])], status=2)
        elif trick == "flood":
            self.sock.sendall(b"".join(self.pdu(NOP_IN, NO_TAG, ttt=n) for n in range(3000)))
        elif trick == "r2t-of-read":
            self.send(R2T, itt, ttt=1, f44=1 << 20)
        elif trick == "many-r2t" and flags & WRITE:
            for n in range(2000):
                self.send(R2T, itt, ttt=n, f44=expected)
        elif trick == "data-beyond" and flags & READ:
            self.send(DATA_IN, itt, bytes(expected + 4096), flags=0x81)
        elif trick == "data-elsewhere" and flags & READ:
            self.send(DATA_IN, itt, bytes(512), flags=0x81, f40=0xFFFFFF00)
        elif trick == "data-of-write":
            self.send(DATA_IN, itt, bytes(512), flags=0x81)
        elif trick == "residual" and flags & READ:
            self.send(DATA_IN, itt, bytes(4), flags=0x87, f44=0xFFFFFFFF)
        elif trick == "other-tag":
            self.send(RESPONSE, itt ^ 0x5555)
        elif trick == "twice":
            self.sock.sendall(self.pdu(RESPONSE, itt) * 2)
        elif trick == "reject":
            self.send(REJECT, NO_TAG)
        elif trick == "all-opcodes":
            for opcode in range(64):
                self.send(opcode, itt, bytes(opcode), flags=opcode << 2)
        elif trick == "async":
            for event in (0, 1, 2, 3, 4, 255):
                self.send(ASYNC, NO_TAG, b"\xff", f36=event << 24)
            return False
        else:
            return False
        return True

    def take_data(self, itt, flags, received, expected):
        while not flags & 0x80:
            bhs, data = self.receive_pdu()
            flags, received = bhs[1], received + len(data)
        if received < expected:
            self.send(R2T, itt, ttt=1, f40=received, f44=expected - received)
            while received < expected:
                received += len(self.receive_pdu()[1])

    def command(self, bhs, data):
        itt, expected = struct.unpack(">II", bhs[16:24])
        self.commands += 1
        if self.commands > HONEST_COMMANDS and self.trick_due(itt, bhs[1], expected):
            return
        if bhs[1] & WRITE:
            self.take_data(itt, bhs[1], len(data), expected)
        answer = self.answer(bhs[32:48])
        if answer is None and bhs[1] & READ and bhs[32] in (0x28, 0x88):
            answer = bytes(expected)
        if answer is None and bhs[1] & READ:
            self.send(RESPONSE, itt, b"\0\x12" + sense(5, 0x2000), status=2)
        elif answer is None:
            self.send(RESPONSE, itt)
        else:
            answer = answer[:expected]
            self.send(DATA_IN, itt, answer, flags=0x83, f44=expected - len(answer))

    def run(self):
        self.log_in()
        while True:
            bhs, data = self.receive_pdu()
            opcode = bhs[0] & 0x3F
            self.exp_cmd_sn = int.from_bytes(bhs[24:28], "big") + (0 if bhs[0] & 0x40 else 1)
            if opcode == 4:
                self.send_targets(int.from_bytes(bhs[16:20], "big"))
            elif opcode == 1:
                self.command(bhs, data)


def connection(sock, port, trick):
    with sock:
        try:
            Connection(sock, port, trick).run()
        except (EOFError, OSError):
            pass


def serve(listener, port, trick):
    while True:
        threading.Thread(target=connection, args=(listener.accept()[0], port, trick), daemon=True).start()


for argument in sys.argv[1:]:
    number, name = argument.split("=")
    listening = socket.create_server(("127.0.0.1", int(number)), backlog=64)
    threading.Thread(target=serve, args=(listening, int(number), name), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
