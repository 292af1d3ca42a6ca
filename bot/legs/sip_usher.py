"""A pjsip module that answers what nobody here serves before a dialog is asked about it.

It stands between the transactions, so that a repeated request of an answered transaction does not
reach it, and the dialogs. Requests are read as text. The one structure it relies on besides
`pjsip_module` is `pjsip_rx_data` of pjproject 2.15; each time it is looked at, the method that
pjsip itself tells must stand where the text begins, else the request goes on to pjsip.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from bot.legs.sip_gate import _Hook, _kept, _Module
from bot.legs.sip_manners import Told

NAME = b"mod-bot-usher"
BEFORE_DIALOGS = 20  # transactions have 16, dialogs 32
PACKET_AT = 320  # pjsip_rx_data.pkt_info.packet, 4000 bytes
PACKET_BYTES = 4000
MESSAGE_AT = 4424  # pjsip_rx_data.msg_info.msg_buf, a pointer into the packet; then its length
HANDLED, NOT_OURS = 1, 0


class _Text(ctypes.Structure):
    """`pj_str_t`."""

    _fields_ = [("at", ctypes.c_char_p), ("length", ctypes.c_ssize_t)]


class _Links(ctypes.Structure):
    """The head of a `pj_list`."""

    _fields_ = [("prev", ctypes.c_void_p), ("next", ctypes.c_void_p)]


class Usher:
    """`answer` is asked for each request. On the SIP thread; the module goes with libDestroy."""

    def __init__(self, library: str, answer: Callable[[str], Told | None]) -> None:
        self._pjsip = pjsip = ctypes.CDLL(library)
        self._answer = answer
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        pjsip.pjsip_rx_data_get_info.restype = ctypes.c_char_p
        pjsip.pjsip_rx_data_get_info.argtypes = [pointer]
        pjsip.pjsua_get_pjsip_endpt.restype = pointer
        pjsip.pjsua_pool_create.restype = pointer
        pjsip.pjsua_pool_create.argtypes = [ctypes.c_char_p, size, size]
        pjsip.pjsip_generic_string_hdr_create.restype = pointer
        pjsip.pjsip_generic_string_hdr_create.argtypes = [pointer] * 3
        pjsip.pj_list_insert_before.argtypes = [pointer, pointer]
        more = (pointer, pointer, pointer)  # reason, headers, body
        pjsip.pjsip_endpt_respond_stateless.argtypes = [pointer, pointer, ctypes.c_int, *more]
        pjsip.pjsip_endpt_register_module.argtypes = [pointer, pointer]
        self._endpoint = pjsip.pjsua_get_pjsip_endpt()
        self._pool = pjsip.pjsua_pool_create(NAME, 1000, 1000)
        self._headers: dict[Told, _Links] = {}
        hook = _Hook(self._on_request)
        module = _Module(
            name=NAME, name_length=len(NAME), id=-1, priority=BEFORE_DIALOGS, on_rx_request=hook
        )
        _kept.extend((module, hook))
        pjsip.pjsip_endpt_register_module(self._endpoint, ctypes.byref(module))

    def _on_request(self, rdata: int) -> int:
        message = self._message(rdata)
        told = self._answer(message) if message else None
        if told is None:
            return NOT_OURS
        headers = self._list_of(told)
        self._pjsip.pjsip_endpt_respond_stateless(
            self._endpoint, rdata, told.status, None, ctypes.byref(headers), None
        )
        return HANDLED

    def _message(self, rdata: int) -> str:
        """The request's text; "" when it is not where we look for it."""
        info: bytes = self._pjsip.pjsip_rx_data_get_info(rdata)  # Request msg OPTIONS/cseq=…
        method = info.partition(b"/")[0].rpartition(b" ")[2]
        begin = ctypes.c_uint64.from_address(rdata + MESSAGE_AT).value
        length = ctypes.c_int.from_address(rdata + MESSAGE_AT + 8).value
        packet = rdata + PACKET_AT
        if begin < packet or length <= 0 or begin + length > packet + PACKET_BYTES:
            return ""
        text = ctypes.string_at(begin, length).lstrip(b"\r\n")
        return text.decode("utf-8", "replace") if text.startswith(method + b" ") else ""

    def _list_of(self, told: Told) -> _Links:
        """Its headers as pjsip wants them; made once, they are copied into each response."""
        known = self._headers.get(told)
        if known is None:
            known = _Links()
            head = ctypes.addressof(known)
            known.prev = known.next = head
            for name, value in told.headers:
                self._pjsip.pj_list_insert_before(head, self._header(name, value))
            self._headers[told] = known
        return known

    def _header(self, name: str, value: str) -> int:
        texts = [_Text(each.encode(), len(each)) for each in (name, value)]
        made: int = self._pjsip.pjsip_generic_string_hdr_create(
            self._pool, *(ctypes.byref(each) for each in texts)
        )
        return made
