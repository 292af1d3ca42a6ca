"""Ends a call that nobody will ever confirm, at once.

After a 200 pjsip waits 32 s for the ACK before it ends a call, as RFC 3261 section 15 wants it, and
another 32 s for the answer to its BYE. Junk INVITEs would hold every line for a minute so. All that
is called here is exported by the shared object; no structure is looked into.
"""

from __future__ import annotations

import ctypes
from functools import cache

UNAVAILABLE = 503


@cache
def _pjsip(library: str) -> ctypes.CDLL:
    pjsip = ctypes.CDLL(library)
    for name in ("pjsip_rdata_get_dlg", "pjsip_dlg_get_inv_session"):
        function = getattr(pjsip, name)
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pjsip.pjsip_inv_terminate.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    return pjsip


def session_of(library: str, rdata: int) -> int:
    """The INVITE session that pjsua made of a request, 0 when there is none. In the callback."""
    pjsip = _pjsip(library)
    dialog = pjsip.pjsip_rdata_get_dlg(rdata)
    return (pjsip.pjsip_dlg_get_inv_session(dialog) or 0) if dialog else 0


def terminate(library: str, session: int) -> None:
    """DISCONNECTED now, and nothing is sent. Only while its call is in the stack's table."""
    _pjsip(library).pjsip_inv_terminate(session, UNAVAILABLE, 1)
