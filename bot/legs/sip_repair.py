"""What pjsip cannot read it drops without a word; a slip that is common is mended here.

linphone 5.1 tells how a transfer ended with `Subscription-State: terminated;reason=reason=…`, on
which pjsip's parser gives up: the outcome would never be known. Such parameters are blanked out,
and the packet goes through pjsip once more. It lies where `pjsip_rx_data` of pjproject 2.15 keeps
it; one that does not is left alone.
"""

from __future__ import annotations

import ctypes
import re

from bot.legs.pjsip import LENGTH_AT, PACKET_AT, TRANSPORT_AT, functions, on_dropped

_STATE = re.compile(rb"^(Subscription-State|o)[ \t]*:[^;\r\n]*;([^\r\n]*)", re.M | re.I)


def repaired(packet: bytes) -> bytes:
    """The same number of octets; the packet itself when there is nothing that can be mended."""
    if not packet.startswith(b"NOTIFY "):
        return packet
    head, end, body = packet.partition(b"\r\n\r\n")
    found = _STATE.search(head)
    if found is None:
        return packet
    blank = b" " * (len(found[2]) + 1)
    return head[: found.start(2) - 1] + blank + head[found.end(2) :] + end + body


class Repair:
    """On the SIP thread, pjsip being up."""

    def __init__(self, library: str) -> None:
        self._pjsip = functions(library)
        self._mending = False  # what cannot be read afterwards either comes here again
        on_dropped(library, self._take)

    def _take(self, transport: int, data: int, length: int) -> None:
        rdata = data - PACKET_AT
        # by TCP it may be the second in the buffer, and what is before it no pjsip_rx_data
        if self._mending or ctypes.c_void_p.from_address(rdata + TRANSPORT_AT).value != transport:
            return
        if ctypes.c_ssize_t.from_address(rdata + LENGTH_AT).value != length:
            return
        packet = ctypes.string_at(data, length)
        mended = repaired(packet)
        if mended == packet:
            return
        ctypes.memmove(data, mended, length)
        self._mending = True
        manager = self._pjsip.pjsip_endpt_get_tpmgr(self._pjsip.pjsua_get_pjsip_endpt())
        self._pjsip.pjsip_tpmgr_receive_packet(manager, rdata)
        self._mending = False
