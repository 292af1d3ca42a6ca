"""Groq's SDK, tamed: no tries of its own, our deadline, our errors, and silent.

The SDK makes the requests and knows the paths; bodies are read by our own readers, piece by piece
and each within the deadline, because the SDK's stream tells neither a cut from an end nor nonsense
from text.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from groq import APIConnectionError, APIStatusError, APITimeoutError, AsyncGroq, GroqError

from bot.clouds import Groq
from bot.errors import ProviderError, ProviderTimeout
from bot.providers.http_errors import cut, malformed, pieces, refusal, within
from bot.providers.openai_http import Endpoint, open_client
from bot.secrets import required

NAME = "groq"
KEY_ENV = "GROQ_API_KEY"
SDK_PATH = "/openai/v1"  # the SDK's own paths begin with it

Item = TypeVar("Item")

# GROQ_LOG=debug would write what callers say into the log
logging.getLogger("groq").setLevel(logging.WARNING)


class GroqClient:
    """One connection pool. `sdk` is used under `guard`, streams are read through `pieces`."""

    def __init__(self, settings: Groq, deadline_s: float) -> None:
        """Raises ConfigError when there is no key."""
        self.url = settings.base_url.rstrip("/").removesuffix(SDK_PATH)
        self._deadline_s = deadline_s
        self._key = required(KEY_ENV, NAME)
        pool = open_client(Endpoint(self.url, deadline_s=deadline_s))
        self.sdk = AsyncGroq(
            api_key=self._key,
            base_url=self.url,
            timeout=pool.timeout,
            max_retries=0,  # whether, when and whom to try again is the failure policy's
            http_client=pool,
        )
        # the SDK imports these at their first use, which would be in a call and in its deadline
        _ = self.sdk.audio.transcriptions, self.sdk.audio.speech, self.sdk.chat.completions

    @asynccontextmanager
    async def guard(self, sent: Sequence[str] = ()) -> AsyncIterator[None]:
        """The deadline, and every error of the SDK as ProviderError that does not quote `sent`."""
        try:
            async with within(NAME, self._deadline_s, self.url):
                yield
        except APIStatusError as error:
            raise refusal(NAME, error.response, key=self._key, key_env=KEY_ENV, sent=sent) from None
        except APITimeoutError:
            raise ProviderTimeout(NAME, self._deadline_s) from None
        except APIConnectionError as error:
            raise cut(NAME, error.__cause__, self.url) from None
        except (GroqError, ValueError) as error:  # an answer that is not what the SDK expects
            raise malformed(NAME, f"sent a malformed answer ({type(error).__name__})") from None

    def pieces(self, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        return pieces(stream, self.guard)

    def not_a_text(self) -> ProviderError:
        return malformed(NAME, "answered without a text")

    async def close(self) -> None:
        await self.sdk.close()
