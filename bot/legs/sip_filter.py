"""The kernel drops packets from whom nobody listens to, before a socket of ours wakes up for them.

A classic BPF program on pjsip's UDP socket and on its listening TCP socket (socket(7),
SO_ATTACH_FILTER; it asks for no rights). So a flood costs the bot nothing, while pjsip would parse
each packet of it before anybody can look at its sender.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.legs.sip_flood import Blocked

SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27
SOURCE_ADDRESS = 0xFFF00000 + 12  # SKF_NET_OFF and the offset in an IPv4 header
SOURCE_PORT = 0  # offset in a UDP or TCP header, where such a filter begins

LOAD_WORD, LOAD_HALF, AND, IF_EQUAL, RETURN = 0x20, 0x28, 0x54, 0x15, 0x06
PASS, DROP = 0xFFFFFFFF, 0

Instruction = tuple[int, int, int, int]  # code, to skip when true, when false, operand


def program(allowed: Sequence[tuple[int, int]], blocked: Sequence[Blocked]) -> list[Instruction]:
    """Instructions that pass what comes from `allowed` (network, mask; empty: everybody) and not
    from `blocked`."""
    found: list[Instruction] = []
    for who in blocked:
        address = struct.unpack("!I", socket.inet_aton(who.address))[0]
        found.append((LOAD_WORD, 0, 0, SOURCE_ADDRESS))
        if who.port:
            found.append((IF_EQUAL, 0, 3, address))
            found.append((LOAD_HALF, 0, 0, SOURCE_PORT))
            found.append((IF_EQUAL, 0, 1, who.port))
        else:
            found.append((IF_EQUAL, 0, 1, address))
        found.append((RETURN, 0, 0, DROP))
    for network, mask in allowed:
        found.append((LOAD_WORD, 0, 0, SOURCE_ADDRESS))
        found.append((AND, 0, 0, mask))
        found.append((IF_EQUAL, 0, 1, network))
        found.append((RETURN, 0, 0, PASS))
    found.append((RETURN, 0, 0, DROP if allowed else PASS))
    return found


class KernelFilter:
    """On the sockets of this process that are bound to `address` and `port`."""

    def __init__(self, address: str, port: int) -> None:
        self._at = (address, port)
        self._set: list[Instruction] | None = None

    def set(self, allowed: Sequence[tuple[int, int]], blocked: Sequence[Blocked]) -> None:
        """Raises OSError where the kernel knows no such filter."""
        wanted = program(allowed, blocked)
        if wanted == self._set:
            return
        for each in _bound_to(self._at):
            _attach(each, wanted)
        self._set = wanted


def _attach(to: socket.socket, instructions: Sequence[Instruction]) -> None:
    code = b"".join(struct.pack("HBBI", *each) for each in instructions)
    kept = ctypes.create_string_buffer(code)
    to.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HP", len(instructions), ctypes.addressof(kept)),
    )


def _bound_to(at: tuple[str, int]) -> Iterator[socket.socket]:
    """Found among the process's own descriptors: pjsip hands none of them out."""
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            number = int(each.name)
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as found:
                if found.family == socket.AF_INET and found.getsockname() == at:
                    yield found
