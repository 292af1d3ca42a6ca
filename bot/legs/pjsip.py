"""pjsip below pjsua2: C functions of the shared object, and modules of our own among pjsip's.

A module sees every message at its place in the line, lowest priority first, and may answer it. The
structures here are public ones of pjproject 2.15. On the SIP thread, pjsip being up; modules go
with libDestroy.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

HANDLED, NOT_OURS = 1, 0  # what pjsip wants to hear of a hook
BEFORE_PJSUA = 63  # pjsua's own handler is PJSIP_MOD_PRIORITY_APPLICATION, 64

# tp_info.transport, pkt_info.packet and pkt_info.len in pjsip_rx_data
TRANSPORT_AT, PACKET_AT, LENGTH_AT = 8, 320, 4328

Hook = Callable[[int], int]
"""A message's pjsip_rx_data → HANDLED or NOT_OURS."""

_Hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Seen = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_P, _INT = ctypes.c_void_p, ctypes.c_int
_FUNCTIONS = {  # name → result, arguments
    "pjsip_rx_data_get_info": (ctypes.c_char_p, [_P]),
    "pjsua_get_pjsip_endpt": (_P, []),
    "pjsip_endpt_get_capability": (_P, [_P, _INT, _P]),
    "pjsip_endpt_register_module": (_INT, [_P, _P]),
    "pjsip_endpt_get_tpmgr": (_P, [_P]),
    "pjsip_tpmgr_set_drop_data_cb": (_INT, [_P, _Seen]),
    "pjsip_tpmgr_receive_packet": (ctypes.c_ssize_t, [_P, _P]),
    "pjsip_endpt_respond_stateless": (_INT, [_P, _P, _INT, _P, _P, _P]),
    "pjsip_rdata_get_dlg": (_P, [_P]),
    "pjsip_rdata_get_sdp_info": (_P, [_P]),
    "pjsip_ua_find_dialog": (_P, [_P, _P, _P, _INT]),
    "pjsip_dlg_respond": (_INT, [_P, _P, _INT, _P, _P, _P]),
    "pjsip_dlg_get_inv_session": (_P, [_P]),
    "pjsip_inv_terminate": (_INT, [_P, _INT, _INT]),
    "pjsua_pool_create": (_P, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]),
    "pj_pool_release": (None, [_P]),
    "pjsip_generic_string_hdr_create": (_P, [_P, _P, _P]),
}
_kept: list[object] = []  # pjsip holds pointers into them until the process ends


class Text(ctypes.Structure):
    """`pj_str_t`."""

    _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_ssize_t)]

    @classmethod
    def of(cls, octets: bytes) -> Text:
        """Valid for as long as `octets` is kept."""
        return cls(ctypes.cast(ctypes.c_char_p(octets), ctypes.c_void_p), len(octets))

    def read(self) -> str:
        return ctypes.string_at(self.start, self.length).decode("ascii", "replace")


class _Module(ctypes.Structure):
    """`pjsip_module`."""

    _fields_ = [
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_ssize_t),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _Hook),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    ]


class _Dropped(ctypes.Structure):
    """`pjsip_tp_dropped_data`."""

    _fields_ = [
        ("transport", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("status", ctypes.c_int),
    ]


@cache
def functions(library: str) -> ctypes.CDLL:
    """The functions above, with their signatures."""
    pjsip = ctypes.CDLL(library)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(pjsip, name)
        function.restype, function.argtypes = result, arguments
    return pjsip


def put_module(
    library: str, name: str, priority: int, see: Hook, *, responses: bool = False
) -> None:
    """Let `see` look at every request, and at `responses` if wanted."""
    pjsip, called, hook = functions(library), f"mod-bot-{name}".encode(), _Hook(see)
    module = _Module(
        name=called, name_length=len(called), id=-1, priority=priority, on_rx_request=hook
    )
    if responses:
        module.on_rx_response = ctypes.cast(hook, ctypes.c_void_p)
    _kept.extend((module, hook))
    pjsip.pjsip_endpt_register_module(pjsip.pjsua_get_pjsip_endpt(), ctypes.byref(module))


def on_dropped(library: str, see: Callable[[int, int, int], None]) -> None:
    """Let `see` look at packets that are none of SIP or cannot be read: transport, address and
    length."""

    def seen(told: int) -> None:
        dropped = _Dropped.from_address(told)
        see(dropped.transport or 0, dropped.data or 0, dropped.length)

    pjsip, hook = functions(library), _Seen(seen)
    _kept.append(hook)
    manager = pjsip.pjsip_endpt_get_tpmgr(pjsip.pjsua_get_pjsip_endpt())
    pjsip.pjsip_tpmgr_set_drop_data_cb(manager, hook)


def method_of(library: str, rdata: int) -> str:
    """A request's method; the info reads `Request msg OPTIONS/cseq=…`."""
    info: bytes = functions(library).pjsip_rx_data_get_info(rdata)
    return info.partition(b"/")[0].rpartition(b" ")[2].decode("ascii", "replace")


def respond(library: str, rdata: int, status: int) -> None:
    """Answer a request outside any transaction, with no more than its status."""
    pjsip = functions(library)
    endpoint = pjsip.pjsua_get_pjsip_endpt()
    pjsip.pjsip_endpt_respond_stateless(endpoint, rdata, status, None, None, None)
