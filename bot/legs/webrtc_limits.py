"""What a stranger's packets could make grow without end inside aiortc and aioice, bounded."""

from __future__ import annotations

import asyncio
from typing import Any

MAX_UNREAD = 200  # datagrams; before DTLS is up nobody reads, and anybody can send
MAX_SOURCES = 16  # SSRCs of one call; a receiver report has room for 31


class Inbox(asyncio.Queue[tuple[bytes, int] | None]):
    """aioice's queue of received datagrams; the end (None) always gets in."""

    def put_nowait(self, item: tuple[bytes, int] | None) -> None:
        if item is None or self.qsize() < MAX_UNREAD:
            super().put_nowait(item)


def limit_sources(router: Any) -> None:
    """aiortc remembers each source for ever: no more than a call can need."""
    known, route = router.ssrc_table, router.route_rtp

    def limited(packet: Any) -> Any:
        if packet.ssrc not in known and len(known) >= MAX_SOURCES:
            return None
        return route(packet)

    router.route_rtp = limited
