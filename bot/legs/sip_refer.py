"""Handing a call over: REFER (RFC 3515), to an address or to the party of another call of ours."""

from __future__ import annotations

import pjsua2 as pj

from bot.errors import LegError
from bot.legs.sip_call import SipCall


def hand_over(call: SipCall | None, to: str | SipCall | None) -> None:
    """On the SIP thread. To a call: with Replaces (RFC 3891). Raises LegError, also where a party
    has gone, told by None."""
    if call is None:
        raise LegError("the caller has gone")
    if to is None:
        raise LegError("the other party has gone")
    call.referred = True
    prm = pj.CallOpParam(True)
    try:
        if isinstance(to, str):
            call.xfer(to, prm)
        else:
            call.xferReplaces(to, prm)
    except pj.Error as error:
        raise LegError(f"cannot transfer: {error.reason}") from None
