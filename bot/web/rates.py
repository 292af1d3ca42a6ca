"""How often one address may ask, and begin calls. The door counts for all workers."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

MAX_ADDRESSES = (
    2000  # then all counts are forgotten: limits' memory keeps every address it has seen
)


class Rate:
    """So many in any 60 seconds, for each address."""

    def __init__(self, per_minute: int) -> None:
        self._rate = RateLimitItemPerMinute(per_minute)
        self._forget()

    def _forget(self) -> None:
        self._memory = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._memory)

    def retry_after_s(self, address: str) -> int | None:
        """Count one more; None if it may be, else when to come again."""
        if len(self._memory.events) >= MAX_ADDRESSES:
            self._forget()  # not reset(), which its thread would stumble over
        if self._limiter.hit(self._rate, address):
            return None
        free_at = self._limiter.get_window_stats(self._rate, address).reset_time
        return max(1, math.ceil(free_at - time.time()))
