"""Every error the bot raises on purpose.

    BotError
    ├── ConfigError      a file an admin wrote is wrong: names file, key and remedy
    ├── StartError       the bot cannot start here (port taken, weights missing): exit code 2
    ├── LegError         one party's line failed: no such call, media never came
    ├── StoreError       a record could not be written or found
    └── ProviderError    an STT, LLM or TTS failed; says whether trying again can help
        └── ProviderTimeout  it did not answer within its deadline

An error that is not in this tree is a bug and may end the call it happened in, never the worker.
"""

from __future__ import annotations


class BotError(Exception):
    """Root of the tree; its text is fit to be shown to an admin as it is."""


class ConfigError(BotError):
    """A fault in a file, told as `file: key: what. remedy`."""

    def __init__(self, file: str, key: str, what: str, remedy: str) -> None:
        self.file, self.key, self.what, self.remedy = file, key, what, remedy
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: {what} {remedy}".rstrip())


class StartError(BotError):
    """The bot cannot start on this machine; the text names the cause and the remedy."""


class LegError(BotError):
    """A leg could not do what was asked of it."""


class StoreError(BotError):
    """A record could not be read or written."""


class ProviderError(BotError):
    """A provider failed.

    `provider` is its registry name, `retryable` whether the same request may succeed later, and
    `retry_after_s` when at the earliest, if the provider said so. `code` is the error in one word
    that never quotes anybody: "429", "timeout", "failed". What the caller is told is the persona's
    apology; the text goes to the record.
    """

    def __init__(
        self,
        provider: str,
        what: str,
        *,
        retryable: bool,
        retry_after_s: float | None = None,
        code: str = "failed",
    ) -> None:
        self.provider, self.what, self.retryable = provider, what, retryable
        self.retry_after_s, self.code = retry_after_s, code
        super().__init__(f"{provider}: {what}")


class ProviderTimeout(ProviderError):
    """No answer within the deadline."""

    def __init__(self, provider: str, after_s: float) -> None:
        super().__init__(
            provider, f"no answer within {after_s:g} s", retryable=True, code="timeout"
        )
