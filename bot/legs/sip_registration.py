"""When to REGISTER next, and with whom: fail-over, redirects and pauses that grow.

Pure: it is told the time and what came of the last REGISTER, and says what is due. It renews a
registration long before it expires: pjsip would do so 5 s before, and know 32 s later that its
server is gone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

RENEWED_AFTER = 0.6  # of its time, so that there is enough of it left for another server
MOST_MOVES = 3  # redirects in a row; then it is a loop
JITTER = 0.2  # of a pause: bots that lost the same carrier do not come back at the same moment


class Standing(StrEnum):
    """How a trunk stands with its carrier."""

    TRYING = "trying"
    REGISTERED = "registered"
    REFUSED = "refused"  # the carrier does not want us as we are: a wrong password, say
    UNREACHABLE = "unreachable"  # no server answered, or none can serve at the moment
    PEER = "peer"  # does not register


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds. A pause doubles with each failure in a row, from the first to the last."""

    answer: float = 8.0  # a server that says nothing for so long is given up for the next one
    first: float = 5.0  # after all servers had their turn
    last: float = 300.0
    refused_first: float = 60.0  # asking again with the same password locks accounts
    refused_last: float = 3600.0


class Registration:
    """`servers` in order of preference; the one in use is kept until it fails."""

    def __init__(
        self,
        servers: Sequence[str],
        pauses: Pauses,
        jitter: Callable[[], float] = random.random,  # 0 to 1
    ) -> None:
        self._servers, self._pauses, self._jitter = tuple(servers), pauses, jitter
        self._index = 0
        self._failures = self._moves = 0
        self._moved_to = ""
        self._due: float | None = 0.0
        self._asked: float | None = None
        self.standing = Standing.TRYING
        self.code = 0  # SIP status of the last answer, 0: none came

    @property
    def server(self) -> str:
        """The one in use, or asked next."""
        return self._moved_to or self._servers[self._index]

    def due(self, now: float) -> bool:
        """Is a REGISTER to `server` to be sent now? It counts as sent."""
        if self._asked is not None and now - self._asked >= self._pauses.answer:
            self.answered(0, now)
        if self._due is None or now < self._due:
            return False
        self._due, self._asked = None, now
        return True

    def answered(
        self, code: int, now: float, *, moved_to: str = "", expires_s: float = math.inf
    ) -> None:
        """What came of it. `moved_to` is the server a 3xx names, `expires_s` how long a
        registration holds."""
        self._asked, self.code = None, code
        if code // 100 == 2:
            self.standing = Standing.REGISTERED
            self._failures = self._moves = 0
            self._due = now + RENEWED_AFTER * expires_s
        elif code // 100 == 3 and moved_to and self._moves < MOST_MOVES:
            self._moves += 1
            self._moved_to = moved_to
            self._due = now
        elif code // 100 == 4 and code not in (408, 480):
            self._refused(now)
        else:
            self._failed(now)

    def _refused(self, now: float) -> None:
        """Another server of the same carrier would say the same: stay, and wait."""
        again = self.standing is Standing.REFUSED
        self._failures = self._failures + 1 if again else 1
        self.standing = Standing.REFUSED
        self._due = now + self._pause(self._pauses.refused_first, self._pauses.refused_last, 1)

    def _failed(self, now: float) -> None:
        """The next server at once; a pause when all had their turn."""
        if self.standing is not Standing.UNREACHABLE:
            self._failures = 0
        if self._moved_to:  # where we were sent is dead: begin with the list
            self._moved_to, self._index = "", 0
        else:
            self._index = (self._index + 1) % len(self._servers)
        self._failures += 1
        self._moves = 0
        self.standing = Standing.UNREACHABLE
        self._due = now
        if self._failures % len(self._servers) == 0:
            self._due += self._pause(self._pauses.first, self._pauses.last, len(self._servers))

    def _pause(self, first: float, last: float, servers: int) -> float:
        rounds = min(self._failures // servers, 20)
        return min(last, first * 2.0 ** (rounds - 1)) * (1 + JITTER * self._jitter())
