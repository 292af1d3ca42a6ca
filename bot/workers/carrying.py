"""What every worker that carries calls has: a manager, its records, phrases that are ready.

Before the first call models are loaded and greetings rendered; later ones while calls go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Protocol

import httpx
import structlog

from bot.calls.hearing import voice_activity
from bot.calls.manager import CallManager
from bot.calls.phrasebook import Phrasebook, first_phrases, later_phrases, scripted_phrases
from bot.config import Config
from bot.dialplan import routes_of
from bot.errors import StartError
from bot.library import Library
from bot.persona import Persona
from bot.providers.names import SCRIPTED, local_speech, named
from bot.store.recorder import CallLog
from bot.store.recording import flush_recordings

NICE = -10  # media must not wait for speech recognition; without the right it stays at 0
SPEECH_WITHIN_S = 60.0  # cold disks load models slowly
SPARE_WITHIN_S = 15.0  # the same where others are asked first
GIVE_WAY_S = 0.15  # between phrases: another worker may be waiting for its turn to render
log = structlog.get_logger(__name__)


class Lateness(Protocol):
    """How late ticks began, in seconds."""

    @property
    def p50(self) -> float: ...
    @property
    def p99(self) -> float: ...
    @property
    def max(self) -> float: ...


def prefer_media() -> None:
    """Let this process go before others, where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


class Carrier:
    """Everything of a worker but its line: make it in the worker, in its event loop."""

    def __init__(self, config: Config, library: Library) -> None:
        self._config, self._library = config, library
        self._records = CallLog(config.store.path)
        self._phrases = Phrasebook(config.store.path.parent / "phrases")
        self.manager = CallManager(config, library, self._records, self._phrases)
        self._background: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive

    async def warm_up(self) -> None:
        """The first caller waits for nothing. Raises StartError when speech is missing."""
        # its model is loaded once
        await asyncio.to_thread(voice_activity, self._config.call.vad, "")
        match local_speech(self._config, self._library.personas.values()):
            case "first":
                await speech_ready(self._config.speech.socket)
            case "spare":  # calls can be taken without it
                try:
                    await speech_ready(self._config.speech.socket, SPARE_WITHIN_S)
                except StartError as error:
                    log.warning("no local speech to fall back to", why=str(error))
        await self._render(self._first)

    def warm(self) -> None:
        """Calls may come: what is in memory now stays, what can wait is rendered beside them."""
        gc.collect()
        gc.freeze()  # what is here stays: later collections are short
        gc.collect()  # and come: a full one waits until a quarter of what this one saw is new
        self._in_background(self._render_later())

    def reload(self) -> None:
        """Read personas and dialplans again; new phrases are rendered while calls go on."""
        faults = self._library.reload()
        log.info("personas and dialplans read again", faults=len(faults))
        self._in_background(self._render(self._first))
        self._in_background(self._render_later())

    async def close(self, late: Lateness) -> None:
        """Goodbye to live calls; then what must not be lost."""
        log.info(
            "tick lateness",
            p50_ms=round(late.p50 * 1000, 1),
            p99_ms=round(late.p99 * 1000, 1),
            max_ms=round(late.max * 1000, 1),
        )
        await self.manager.drain("shutdown", self._config.limits.goodbye_s)
        flush_recordings()
        self._records.close()

    def _first(self, persona: Persona) -> list[str]:
        routes = routes_of(self._library.plan)
        prompts = [each.early_text for each in routes if each.persona == persona.slug]
        return [*first_phrases(persona), *filter(None, prompts)]

    async def _render(self, which: Callable[[Persona], list[str]]) -> None:
        for persona in self._library.personas.values():
            tts = self.manager.providers(persona).tts
            await self._phrases.render(persona, which(persona), tts)

    async def _render_later(self) -> None:
        """What the first caller need not wait for. Scripted answers, which are many, only where a
        script answers and while nobody calls: a voice in use is not to be shared with them."""
        await self._render(later_phrases)
        if named("llm", self._config)[0] != SCRIPTED:
            return
        for persona in list(self._library.personas.values()):
            for text in scripted_phrases(persona):
                await self.manager.idle()
                tts = self.manager.providers(persona).tts
                await self._phrases.render(persona, [text], tts, in_memory=False)
                await asyncio.sleep(GIVE_WAY_S)

    def _in_background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def speech_ready(socket: Path, within_s: float = SPEECH_WITHIN_S) -> None:
    """Wait until the speech worker answers. Raises StartError when it does not in time."""
    deadline = time.monotonic() + within_s
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://speech") as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/healthz")).is_success:
                    return
            await asyncio.sleep(0.05)
    raise StartError(
        f"the speech worker did not answer on {socket} within {within_s:g} s. "
        "Its messages above tell why; `python -m bot check` looks for missing weights."
    )
