"""Logs on standard error, without a word, number or sample of any caller.

Nobody logs such things on purpose. Should somebody do so by mistake, `drop_private` takes them
out, and tracebacks are printed without the values of variables.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from bot.config import Logs

PRIVATE: Collection[str] = frozenset(
    "answer audio called called_number caller caller_id caller_text contact digit digits from_uri "
    "frame heard history message messages number pcm phone prompt recording_bytes reply reply_text "
    "remote_uri request_uri said samples say sdp sip_message speech text to_uri transcript uri "
    "user utterance whole_msg words".split()
)
"""Keys that would carry what callers say, dial or are called. `called` is one of them."""


def set_up_logs(settings: Logs) -> None:
    """Log from `settings.level` on, as console lines or JSON; libraries from warning on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
        drop_private,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # module loggers made before this call obey it too
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last(settings.format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # HTTP clients tell URLs, and Whisper what it hears, below
    logging.getLogger("bot").setLevel(settings.level.upper())


def call_logger(call_id: str, name: str = "bot.calls") -> FilteringBoundLogger:
    """A logger whose every line tells which call it is about."""
    bound: FilteringBoundLogger = structlog.get_logger(name).bind(call=call_id)
    return bound


def drop_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out keys that could carry callers' words, numbers or audio; leave a sign of it."""
    found = [key for key in event if key.lower() in PRIVATE]
    for key in found:
        event[key] = "[private]"
    return event


def _last(style: str) -> list[Processor]:
    if style == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # the default would print every local variable of a traceback
    plain = structlog.dev.plain_traceback
    colors = sys.stderr.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
