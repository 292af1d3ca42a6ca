"""The process that carries SIP calls: pjsua2, the engine, the call records."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import httpx
import setproctitle
import structlog

from bot.calls.hearing import voice_activity
from bot.calls.manager import CallManager
from bot.calls.phrasebook import Phrasebook, first_phrases, later_phrases, scripted_phrases
from bot.config import Config, rtp_ports
from bot.errors import StartError
from bot.legs.sip import SipEndpoint, SipSettings
from bot.library import Library
from bot.persona import Persona
from bot.providers.names import SCRIPTED, local_speech, named
from bot.store.recorder import CallLog
from bot.store.recording import flush_recordings

NICE = -10  # media must not wait for speech recognition; without the right it stays at 0
SPEECH_WITHIN_S = 60.0  # cold disks load models slowly
SPARE_WITHIN_S = 15.0  # the same where others are asked first
log = structlog.get_logger(__name__)
_background: set[asyncio.Task[None]] = set()  # the loop itself keeps no task alive


def run(config: Config, library: Library, ready: Callable[[], None], life: int = 0) -> int:
    """Carry calls until SIGTERM; `ready` is called when the port listens. The exit code.

    `life` counts the workers that were there before; their callers may still be sending.
    """
    setproctitle.setproctitle("bot: sip worker")
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    return asyncio.run(_serve(config, library, ready, life))


async def _serve(config: Config, library: Library, ready: Callable[[], None], life: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    records = CallLog(config.store.path)
    phrases = Phrasebook(config.store.path.parent / "phrases")
    manager = CallManager(config, library, records, phrases)
    first, last = rtp_ports(config)
    endpoint = SipEndpoint(
        SipSettings(
            bind=config.sip.bind,
            codecs=tuple(config.sip.codecs),
            max_calls=config.sip.max_calls,
            rtp_port=first,
            rtp_count=last - first + 1,
            life=life,
        ),
        manager.on_call,
    )
    warming = asyncio.ensure_future(_warm_up(config, library, manager, phrases))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((warming, stopping), return_when=asyncio.FIRST_COMPLETED)
    if warming.done():
        warming.result()  # raises what went wrong
        loop.add_signal_handler(signal.SIGHUP, lambda: _reload(config, library, manager, phrases))
        gc.collect()
        gc.freeze()  # what is here stays: later collections are short
        gc.collect()  # and come: a full one waits until a quarter of what this one saw is new
        await endpoint.start()
        ready()
        _in_background(_render_later(config, library, manager, phrases))
        await stopping
    warming.cancel()
    await _end(config, endpoint, manager, records)
    return 0


async def _end(
    config: Config, endpoint: SipEndpoint, manager: CallManager, records: CallLog
) -> None:
    """Goodbye to live calls; then what must not be lost, and last pjsip, which takes its time."""
    late = endpoint.lateness
    log.info(
        "tick lateness",
        p50_ms=round(late.p50 * 1000, 1),
        p99_ms=round(late.p99 * 1000, 1),
        max_ms=round(late.max * 1000, 1),
    )
    endpoint.draining = True
    await manager.drain("shutdown", config.limits.goodbye_s)
    flush_recordings()
    records.close()
    await endpoint.close()


def _reload(config: Config, library: Library, manager: CallManager, phrases: Phrasebook) -> None:
    """Read personas and dialplans again; new phrases are rendered while calls go on."""
    faults = library.reload()
    log.info("personas and dialplans read again", faults=len(faults))
    _in_background(_render(library, manager, phrases, first_phrases))
    _in_background(_render_later(config, library, manager, phrases))


async def _warm_up(
    config: Config, library: Library, manager: CallManager, phrases: Phrasebook
) -> None:
    """The first caller waits for nothing: models loaded, greetings rendered."""
    await asyncio.to_thread(voice_activity, config.call.vad, "")  # its model is loaded once
    match local_speech(config, library.personas.values()):
        case "first":
            await speech_ready(config.speech.socket)
        case "spare":  # calls can be taken without it
            try:
                await speech_ready(config.speech.socket, SPARE_WITHIN_S)
            except StartError as error:
                log.warning("no local speech to fall back to", why=str(error))
    await _render(library, manager, phrases, first_phrases)


async def _render(
    library: Library,
    manager: CallManager,
    phrases: Phrasebook,
    which: Callable[[Persona], list[str]],
) -> None:
    for persona in library.personas.values():
        await phrases.render(persona, which(persona), manager.providers(persona).tts)


async def _render_later(
    config: Config, library: Library, manager: CallManager, phrases: Phrasebook
) -> None:
    """What the first caller need not wait for. Scripted answers, which are many, only where a
    script answers and while nobody calls: a voice in use is not to be shared with them."""
    await _render(library, manager, phrases, later_phrases)
    if named("llm", config)[0] != SCRIPTED:
        return
    for persona in list(library.personas.values()):
        for text in scripted_phrases(persona):
            await manager.idle()
            tts = manager.providers(persona).tts
            await phrases.render(persona, [text], tts, in_memory=False)


def _in_background(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


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
