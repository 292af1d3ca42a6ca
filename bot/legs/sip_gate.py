"""Requests turned away before pjsua sees them: of strangers, in a flood, OPTIONS while draining.

pjsua answers OPTIONS by itself, and opens two sockets for an INVITE before anybody can refuse
it; pjsua2 offers no say in either. Two pjsip modules of our own have it: the door in front of
everything asks for the source alone, the gate right before pjsua for the method of what begins
a dialog. The source is read from `pjsip_rx_data`, whose layout is tried at the start.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Callable

from bot.legs.pjsip import BEFORE_PJSUA, HANDLED, NOT_OURS, method_of, put_module, respond

BEFORE_ALL = 4  # pjsip's first own module is PJSIP_MOD_PRIORITY_TRANSPORT_LAYER, 8
SOURCE_AT = 4336  # pjsip_rx_data.pkt_info.src_addr of pjproject 2.15, a sockaddr_in
PROBE_S = 0.5

PASS, DROP = 0, -1  # what a door may say besides a status code

Door = Callable[[str, int], int]
"""Address and port of a packet's sender → PASS, DROP or the status to answer with."""


class Gate:
    """Both modules. On the SIP thread, pjsip being up; they go with libDestroy."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._probe: tuple[str, int] | None = None  # who sends a packet to try the layout
        self._probed = False
        self._door: Door | None = None  # nobody comes in before there is one
        put_module(library, "door", BEFORE_ALL, self._at_the_door)

    def layout_holds(self, address: str, port: int, poll: Callable[[int], None]) -> bool:
        """Whether a sender is where SOURCE_AT says; tried on a packet of our own to the bot."""
        host = "127.0.0.1" if address == "0.0.0.0" else address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.bind((host, 0))
            self._probe = line.getsockname()
            line.sendto(_options(host, port, self._probe[1]), (host, port))
            deadline = time.monotonic() + PROBE_S
            while not self._probed and time.monotonic() < deadline:
                poll(10)
        return self._probed

    def put_door(self, door: Door) -> None:
        """Ask `door` about the sender of each request, whatever it is and belongs to."""
        self._door = door

    def _at_the_door(self, rdata: int) -> int:
        source = _source(rdata)
        if self._door is None:
            self._probed = self._probed or source == self._probe  # others may be sending, too
            return HANDLED
        verdict = self._door(*source)
        if verdict == PASS:
            return NOT_OURS
        if verdict != DROP and method_of(self._library, rdata) != "ACK":
            respond(self._library, rdata, verdict)
        return HANDLED

    def put_gate(self, refuse: Callable[[str], bool]) -> None:
        """Answer 503 to requests outside a dialog whose method `refuse` says yes to."""

        def on_request(rdata: int) -> int:
            method = method_of(self._library, rdata)
            if method == "ACK" or not refuse(method):
                return NOT_OURS
            respond(self._library, rdata, 503)
            return HANDLED

        put_module(self._library, "gate", BEFORE_PJSUA, on_request)


def _source(rdata: int) -> tuple[str, int]:
    """Address and port; ("0.0.0.0", 0) for what is no IPv4."""
    family, port, address = struct.unpack("=H2s4s", ctypes.string_at(rdata + SOURCE_AT, 8))
    if family != socket.AF_INET:
        return "0.0.0.0", 0
    return socket.inet_ntoa(address), int.from_bytes(port, "big")


def _options(host: str, port: int, from_port: int) -> bytes:
    """A whole request to ourselves; nobody answers it."""
    lines = [
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{from_port};branch=z9hG4bKlayout",
        "Max-Forwards: 1",
        f"From: <sip:{host}>;tag=layout",
        f"To: <sip:{host}>",
        "Call-ID: layout",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
