"""Ends a call that nobody will ever confirm, at once.

After a 200 pjsip waits 32 s for the ACK before it ends a call, as RFC 3261 section 15 wants it, and
another 32 s for the answer to its BYE. Junk INVITEs would hold every line for a minute so.
"""

from __future__ import annotations

from bot.legs.pjsip import functions

UNAVAILABLE = 503


def session_of(library: str, rdata: int) -> int:
    """The INVITE session that pjsua made of a request, 0 when there is none. In the callback."""
    pjsip = functions(library)
    dialog = pjsip.pjsip_rdata_get_dlg(rdata)
    return (pjsip.pjsip_dlg_get_inv_session(dialog) or 0) if dialog else 0


def terminate(library: str, session: int) -> None:
    """DISCONNECTED now, and nothing is sent. Only while its call is in the stack's table."""
    functions(library).pjsip_inv_terminate(session, UNAVAILABLE, 1)
