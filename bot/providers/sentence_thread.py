"""A voice that is made in this process: sentence after sentence, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor

from bot.audio.frame import Samples
from bot.audio.shape import fade, trim_silence
from bot.errors import ProviderError

LEAD_S = 0.002  # the first packet of a reply is to be heard as speech
TAIL_S = 0.12  # the breath between two clauses
EDGE_S = 0.003


async def one_by_one(
    pool: Executor, sentences: Iterator[Samples], name: str, faults: tuple[type[Exception], ...]
) -> AsyncIterator[Samples]:
    """What `sentences` makes in `pool`, each as it is done, empty ones left out.

    Several speakers take turns: the next sentence queues behind those of others. Raises
    ProviderError of provider `name` for `faults`; their text may quote what was to be said and is
    not repeated.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            chunk = await loop.run_in_executor(pool, next, sentences, None)
        except faults as error:
            what = f"failed ({type(error).__name__})"
            raise ProviderError(name, what, retryable=True) from None
        if chunk is None:
            return
        if len(chunk):
            yield chunk


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """A sentence without the silence around it, its ends soft; empty when it is all silence."""
    speech = trim_silence(samples, rate_hz, lead_s=LEAD_S, tail_s=TAIL_S)
    return fade(speech, rate_hz, in_s=EDGE_S, out_s=EDGE_S)
