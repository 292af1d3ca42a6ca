"""From whom a call's RTP may come: the address that its SDP names, from any port of it.

pjmedia answers to whoever sent the last ten packets in a row, as callers behind NAT need it. A
stranger who sends while the caller is silent would be heard, and would get the call's audio. So the
kernel drops what comes from other addresses.
"""

from __future__ import annotations

import ipaddress
import re

import structlog

from bot.legs.sip_filter import KernelFilter

ONE_ADDRESS = 0xFFFFFFFF  # the mask
ADDRESS = re.compile(r"\d+(\.\d+){3}")
log = structlog.get_logger(__name__)


def senders(remote: str, signalling: str) -> list[str]:
    """IPv4 addresses that may send, given that of the SDP and that of the signalling ("": unknown).

    A phone behind NAT puts an address into its SDP that nothing can come from. It is taken for
    one when its INVITE came from a public address, and that one is believed then. So is a loopback
    address: a program on this machine tells one of the machine's and sends from the other, and
    nobody else can.
    """
    told = ipaddress.IPv4Address(remote)
    seen = ipaddress.IPv4Address(signalling or remote)
    behind_nat = seen.is_global and not told.is_global
    return [remote, signalling] if behind_nat or seen.is_loopback else [remote]


class RtpDoor:
    """One call's. `bound`: the address its sockets are bound to. SIP thread only."""

    def __init__(self, bound: str, signalling: str) -> None:
        self._bound = bound
        self._signalling = signalling if ADDRESS.fullmatch(signalling) else ""  # no name

    def open_to(self, remote: str, local_port: int) -> None:
        """Each time a stream is about to be made. `remote` is its SDP's address; what comes to
        `local_port` and the one of RTCP above it is filtered."""
        try:
            allowed = [
                (int(ipaddress.IPv4Address(each)), ONE_ADDRESS)
                for each in senders(remote, self._signalling)
            ]
            for port in (local_port, local_port + 1):
                KernelFilter(self._bound, port).set(allowed, ())
        except (OSError, ValueError):  # no such filter here, or no IPv4
            log.warning("rtp is taken from any address")
