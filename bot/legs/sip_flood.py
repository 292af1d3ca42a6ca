"""Who sends more requests than anybody needs, and for how long nobody listens to them.

Pure: told of each request and the time. Counted is each address and port; a whole address is given
up only when it sends several times as much, for behind one NAT there may be good callers too.
"""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_S = 1.0
WHOLE_ADDRESS = 4  # times the limit of one port
DEAF_FIRST_S = 10.0  # doubled each time the flood goes on afterwards
DEAF_LAST_S = 320.0
MOST_COUNTED = 2000
MOST_BLOCKED = 200


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nobody listens to `address`; port 0 stands for all of its ports."""

    address: str
    port: int


class Floods:
    """`limit` requests a second from one address and port; 0: no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[Blocked, int] = {}
        self._window = 0.0
        self._until: dict[Blocked, float] = {}
        self._deaf_s: dict[Blocked, float] = {}

    def too_many(self, address: str, port: int, now: float) -> bool:
        """Count a request; True when it is over the limit or its sender is blocked."""
        if not self._limit:
            return False
        if now - self._window >= WINDOW_S or len(self._counts) > MOST_COUNTED:
            self._window = now
            self._counts.clear()
        for who, limit in (
            (Blocked(address, port), self._limit),
            (Blocked(address, 0), self._limit * WHOLE_ADDRESS),
        ):
            count = self._counts[who] = self._counts.get(who, 0) + 1
            if count > limit:
                self._block(who, now)
                return True  # and what one port sends too much is not held against the others
        return False

    def _block(self, who: Blocked, now: float) -> None:
        if who in self._until:
            return
        if len(self._until) >= MOST_BLOCKED:
            self._until.pop(next(iter(self._until)))
        if len(self._deaf_s) >= MOST_COUNTED:
            self._deaf_s.clear()
        self._deaf_s[who] = min(DEAF_LAST_S, self._deaf_s.get(who, DEAF_FIRST_S / 2) * 2)
        self._until[who] = now + self._deaf_s[who]

    def blocked(self, now: float) -> tuple[Blocked, ...]:
        """Whom nobody listens to now."""
        for who in [each for each, until in self._until.items() if until <= now]:
            del self._until[who]
        return tuple(self._until)
