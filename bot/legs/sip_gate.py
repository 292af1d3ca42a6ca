"""Requests turned away before pjsua sees them: OPTIONS while draining, INVITEs in a flood.

pjsua answers OPTIONS by itself, and opens two sockets for an INVITE before anybody can refuse
it; pjsua2 offers no say in either. A pjsip module of our own, placed in front of pjsua's, has
it. Everything it calls is exported by the shared object, and the only structure it relies on is
the public `pjsip_module`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

NAME = b"mod-bot-gate"
BEFORE_PJSUA = 63  # pjsua's own handler is PJSIP_MOD_PRIORITY_APPLICATION, 64

_Hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Lifecycle = ctypes.c_void_p

_kept: list[object] = []  # pjsip holds pointers into them until the process ends


class _Module(ctypes.Structure):
    """`pjsip_module` of pjproject 2.15."""

    _fields_ = [
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_ssize_t),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", _Lifecycle),
        ("start", _Lifecycle),
        ("stop", _Lifecycle),
        ("unload", _Lifecycle),
        ("on_rx_request", _Hook),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    ]


def put_gate(library: str, refuse: Callable[[bytes], bool]) -> None:
    """Answer 503 to requests outside a dialog whose method `refuse` says yes to.

    On the SIP thread, pjsip being up; the gate goes with libDestroy.
    """
    pjsip = ctypes.CDLL(library)
    pjsip.pjsip_rx_data_get_info.restype = ctypes.c_char_p
    pjsip.pjsip_rx_data_get_info.argtypes = [ctypes.c_void_p]
    pjsip.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
    pjsip.pjsip_endpt_respond_stateless.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    pjsip.pjsip_endpt_register_module.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    endpoint = pjsip.pjsua_get_pjsip_endpt()

    def on_request(rdata: int) -> int:
        """1: handled, 0: let pjsua have it. The info reads `Request msg OPTIONS/cseq=…`."""
        method = pjsip.pjsip_rx_data_get_info(rdata).partition(b"/")[0].rpartition(b" ")[2]
        if method == b"ACK" or not refuse(method):
            return 0
        pjsip.pjsip_endpt_respond_stateless(endpoint, rdata, 503, None, None, None)
        return 1

    hook = _Hook(on_request)
    module = _Module(
        name=NAME, name_length=len(NAME), id=-1, priority=BEFORE_PJSUA, on_rx_request=hook
    )
    _kept.extend((module, hook))
    pjsip.pjsip_endpt_register_module(endpoint, ctypes.byref(module))
