"""Each SDP that comes in, shown before pjsip itself looks at it.

pjsua2 tells of an offer too late or not at all. A pjsip module of our own in front of all others
sees every message.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable

from bot.legs.pjsip import NOT_OURS, functions, put_module

BEFORE_ALL = 5  # pjsip's first own module is PJSIP_MOD_PRIORITY_TRANSPORT_LAYER, 8

See = Callable[[bytes], Iterable[tuple[int, int]]]
"""An SDP → begin and end of what is to be written over with "x" in it."""

_MEDIA = re.compile(rb"^m=", re.MULTILINE)


def sections(sdp: bytes) -> list[tuple[int, int]]:
    """Begin and end of each media description (RFC 8866 section 5.14)."""
    begins = [found.start() for found in _MEDIA.finditer(sdp)]
    return list(zip(begins, [*begins[1:], len(sdp)], strict=False))


class _SdpInfo(ctypes.Structure):
    """The beginning of `pjsip_rdata_sdp_info` of pjproject 2.15; `body` lies in the packet."""

    _fields_ = [("body", ctypes.c_void_p), ("length", ctypes.c_ssize_t)]


def show_sdp(library: str, see: See) -> None:
    """On the SIP thread, pjsip being up; it lasts until libDestroy."""
    pjsip = functions(library)

    def on_message(rdata: int) -> int:
        info = pjsip.pjsip_rdata_get_sdp_info(rdata)
        sdp = _SdpInfo.from_address(info) if info else None
        if sdp is not None and sdp.body:
            for begin, end in see(ctypes.string_at(sdp.body, sdp.length)):
                ctypes.memset(sdp.body + begin, ord("x"), end - begin)
        return NOT_OURS

    put_module(library, "sdp", BEFORE_ALL, on_message, responses=True)
