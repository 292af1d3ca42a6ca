"""What the bot answers to requests it does not serve: politely, and with what it does serve.

pjsua takes any MESSAGE and SUBSCRIBE, leaves what it does not know outside a dialog without an
answer, and answers it within one with 500. Here stands one table instead:

| request | answer |
|---|---|
| MESSAGE, SUBSCRIBE, PUBLISH, REGISTER, any unknown method | 405 and Allow (RFC 3261 8.2.1) |
| REFER | 403: nobody makes the bot dial |
| INFO, NOTIFY, UPDATE, PRACK, BYE outside a dialog | 481 |
| INFO with a body nobody here reads | 415 and Accept; without a body 200 (RFC 6086 2.) |
| NOTIFY of what was not subscribed to | 481 (RFC 6665 4.1.3) |
| OPTIONS within a dialog | 200 and Allow |

Structures relied on are the public `pjsip_hdr` and `pjsip_generic_array_hdr` of pjproject 2.15;
before a list is changed its name is read where it should be.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence

import pjsua2 as pj

from bot.legs.pjsip import (
    BEFORE_PJSUA,
    HANDLED,
    NOT_OURS,
    Text,
    functions,
    method_of,
    put_module,
)

SERVED = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "NOTIFY", "UPDATE", "PRACK")
ALLOW = ", ".join(SERVED)
ACCEPTED_INFO = ("application/dtmf-relay", "application/dtmf")
BEFORE_DIALOGS = 31  # pjsip's dialogs are at PJSIP_MOD_PRIORITY_UA_PROXY_LAYER, 32

Headers = Mapping[str, str]


class _ListHead(ctypes.Structure):
    """The first two members of every pjsip header: where it hangs in its list."""

    _fields_ = [("prev", ctypes.c_void_p), ("next", ctypes.c_void_p)]


def unserved(method: str, *, in_dialog: bool) -> int:
    """Status of the answer to a method whatever its headers say; 0: it may be served."""
    if method == "REFER":
        return 403
    if method not in SERVED:
        return 405
    if not in_dialog and method in ("INFO", "NOTIFY", "UPDATE", "PRACK", "BYE"):
        return 481
    return 0


def within_dialog(method: str, content_type: str) -> int:
    """Status of the answer to a request that a call of ours got and pjsua has no use for;
    0: pjsua answers it."""
    kind = content_type.partition(";")[0].strip().lower()
    if method == "OPTIONS":
        return 200
    if method == "NOTIFY":
        return 481
    if method == "INFO" and kind not in ACCEPTED_INFO:
        return 415 if kind else 200
    return 0


class _Values(ctypes.Structure):
    """`pjsip_generic_array_hdr`: Allow, Supported and their like."""

    _fields_ = [
        ("links", _ListHead),
        ("type", ctypes.c_int),
        ("name", Text),
        ("short_name", Text),
        ("operations", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", Text * 32),
    ]

    count: int

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Drop the other values."""
        kept = 0
        for each in list(self.values[: self.count]):
            if wanted(each.read()):
                self.values[kept].start, self.values[kept].length = each.start, each.length
                kept += 1
        self.count = kept


class Manners:
    """On the SIP thread, pjsip being up; the modules go with libDestroy."""

    def __init__(self, library: str, codecs: Sequence[str]) -> None:
        self.codecs = codecs  # those an offer must have one of
        self._library, self._pjsip = library, functions(library)
        self._endpoint = self._pjsip.pjsua_get_pjsip_endpt()
        self._advertise()
        put_module(library, "unserved", BEFORE_DIALOGS, self._early)
        put_module(library, "strays", BEFORE_PJSUA, self._late)

    def answer(self, rdata: int, method: str, headers: Headers) -> None:
        """Within a dialog, from the callback that tells of the transaction."""
        status = within_dialog(method, headers.get("content-type", ""))
        dialog = self._pjsip.pjsip_rdata_get_dlg(rdata)
        if status and dialog:
            self._respond(self._pjsip.pjsip_dlg_respond, dialog, rdata, status)

    def _advertise(self) -> None:
        """Allow and Supported of all that pjsip sends: what is refused is not offered."""
        for kind, first, wanted in (
            (pj.PJSIP_H_ALLOW, "Allow", SERVED.__contains__),
            (pj.PJSIP_H_SUPPORTED, "Supported", lambda name: name != "replaces"),
        ):
            found = self._pjsip.pjsip_endpt_get_capability(self._endpoint, kind, None)
            if found:
                values = _Values.from_address(found)
                if values.name.read() == first and values.count <= len(values.values):
                    values.keep(wanted)

    def _early(self, rdata: int) -> int:
        return self._turn_away(rdata, unserved(method_of(self._library, rdata), in_dialog=True))

    def _late(self, rdata: int) -> int:
        """No dialog has taken it."""
        return self._turn_away(rdata, unserved(method_of(self._library, rdata), in_dialog=False))

    def _turn_away(self, rdata: int, status: int) -> int:
        if not status:
            return NOT_OURS
        self._respond(self._pjsip.pjsip_endpt_respond_stateless, self._endpoint, rdata, status)
        return HANDLED

    def _respond(self, respond: Callable[..., int], who: int, rdata: int, status: int) -> None:
        """The headers are copied into the response, so their pool may go at once."""
        named = {405: ("Allow", ALLOW), 200: ("Allow", ALLOW)}
        named[415] = ("Accept", ", ".join(("application/sdp", *ACCEPTED_INFO)))
        pool = self._pjsip.pjsua_pool_create(b"manners", 1024, 1024)
        head = _ListHead()
        head.prev = head.next = ctypes.addressof(head)
        try:
            if status in named:
                kept = [each.encode() for each in named[status]]
                texts = [Text.of(each) for each in kept]
                header = self._pjsip.pjsip_generic_string_hdr_create(
                    pool, *(ctypes.byref(text) for text in texts)
                )
                node = _ListHead.from_address(header)
                node.prev = node.next = ctypes.addressof(head)
                head.prev = head.next = header
            respond(who, rdata, status, None, ctypes.byref(head), None)
        finally:
            self._pjsip.pj_pool_release(pool)
