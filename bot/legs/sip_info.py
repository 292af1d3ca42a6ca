"""Keys that come by INFO, in either of the two bodies in use.

pjsip knows `application/dtmf-relay` ("Signal=5") and answers 500 to `application/dtmf` ("5"). So
INFOs of a dialog are answered here, by a pjsip module of our own in front of it. The request is
read where `pjsip_rx_data` of pjproject 2.15 keeps the packet; one that does not begin there is
left to pjsip.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable

from bot.legs.pjsip import (
    HANDLED,
    LENGTH_AT,
    NOT_OURS,
    PACKET_AT,
    Text,
    functions,
    put_module,
    respond,
)
from bot.legs.sip_message import headers_of, tag_of

BEFORE_DIALOGS = 6  # pjsip's first own module is PJSIP_MOD_PRIORITY_TRANSPORT_LAYER, 8
MOST = 4000  # PJSIP_MAX_PKT_LEN
REMEMBERED = 64

OK, BAD = 200, 400  # RFC 6086 section 4.2.2
BODIES = ("application/dtmf-relay", "application/dtmf")
KEYS = "0123456789*#ABCD"

_SIGNAL = re.compile(r"^\s*Signal\s*=\s*(\S+)", re.MULTILINE | re.IGNORECASE)


def key_of(body: str) -> str:
    """The key an INFO tells, "" when it tells none. Events 10 to 16 are those of RFC 4733."""
    named = _SIGNAL.search(body)
    word = (named[1] if named else body.strip()).upper()
    if word.isdecimal() and len(word) == 2 and int(word) < len(KEYS):
        return KEYS[int(word)]
    return word if len(word) == 1 and word in KEYS else ""


class InfoDesk:
    """`pressed` is told Call-ID and key. On the SIP thread, pjsip being up."""

    def __init__(self, library: str, pressed: Callable[[str, str], None]) -> None:
        self._pressed = pressed
        self._seen: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
        self._library = library
        put_module(library, "info", BEFORE_DIALOGS, self._take)

    def _take(self, rdata: int) -> int:
        length = ctypes.c_ssize_t.from_address(rdata + LENGTH_AT).value
        if not 0 < length <= MOST or ctypes.string_at(rdata + PACKET_AT, 5) != b"INFO ":
            return NOT_OURS
        text = ctypes.string_at(rdata + PACKET_AT, length).decode("utf-8", "replace")
        headers, body = headers_of(text), text.partition("\r\n\r\n")[2]
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in BODIES or not self._ours(headers):
            return NOT_OURS  # sip_manners has a word for it
        status = self._status(headers, body)
        respond(self._library, rdata, status)
        return HANDLED

    def _status(self, headers: dict[str, str], body: str) -> int:
        key = key_of(body)
        if not key:
            return BAD
        request = (headers["call-id"], headers.get("cseq", ""))
        if request not in self._seen:  # else our answer was lost
            self._seen.append(request)
            self._pressed(headers["call-id"], key)
        return OK

    def _ours(self, headers: dict[str, str]) -> bool:
        """Is it of a dialog that is up? Only who was told its tags can say so."""
        tags = [tag_of(headers.get(name, "")) for name in ("to", "from")]
        parts = [headers.get("call-id", ""), *tags]
        if not all(parts):
            return False
        octets = [part.encode() for part in parts]
        texts = [Text.of(each) for each in octets]
        found = functions(self._library).pjsip_ua_find_dialog(*map(ctypes.byref, texts), 0)
        return bool(found)
