"""The speech worker: local models in a process of their own, behind OpenAI's HTTP API.

It listens on the Unix socket of `[speech] socket`, or on an address, once its models are warm.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import setproctitle
import structlog
from aiohttp import web

from bot.audio.frame import Samples
from bot.config import Config
from bot.errors import ProviderError, StartError
from bot.providers.base import TextToSpeech, Voice
from bot.workers.speech_api import Engines, SpeechApi
from bot.workers.speech_audio import resampled

NICENESS = 10  # calls come first
SHUTDOWN_S = 2.0  # for requests under way at SIGTERM
KEEP_ALIVE_S = 3600.0
WARM_UP_TEXT = "Hello, how can I help you?"
log = structlog.get_logger("speech")


def run(
    config: Config,
    bind: str = "",
    on_ready: Callable[[], None] | None = None,
    *,
    coqui: bool = False,
) -> int:
    """Be the speech worker until SIGTERM or SIGINT; the exit code.

    `bind` is "host:port" instead of the Unix socket, `coqui` loads that voice too. Call it in a
    process of its own, with no event loop running; `on_ready` is called once it listens. Raises
    StartError.
    """
    setproctitle.setproctitle("bot speech worker")
    try:
        os.nice(NICENESS)
    except OSError:
        log.info("speech.niceness_refused")
    return asyncio.run(_until_signal(config, bind, on_ready, coqui))


async def _until_signal(
    config: Config, bind: str, on_ready: Callable[[], None] | None, coqui: bool
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(config, bind, coqui=coqui):
        if on_ready:
            on_ready()
        await stop.wait()
    log.info("speech.stopped")
    return 0


@asynccontextmanager
async def serving(config: Config, bind: str = "", *, coqui: bool = False) -> AsyncIterator[str]:
    """Load, warm up and listen for as long as the context is open; yields where, as a base URL.

    Raises StartError.
    """
    begun = time.monotonic()
    where = None if bind else claim_socket(config.speech.socket)
    engines = await asyncio.to_thread(load, config, coqui)
    await warm_up(engines)
    # a caller who hangs up closes the connection: what was still queued for them is dropped
    runner = web.AppRunner(
        SpeechApi(engines).app(),
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=KEEP_ALIVE_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        base_url = await (listen_on(runner, where) if where else listen_tcp(runner, bind))
        log.info(
            "speech.ready",
            at=base_url,
            stt=engines.stt_model,
            tts=engines.tts_model,
            coqui=engines.coqui_model or None,
            after_s=round(time.monotonic() - begun, 2),
        )
        yield base_url
    finally:
        await runner.cleanup()
        if where:
            where.unlink(missing_ok=True)
        await engines.stt.close()
        await engines.tts.close()
        if engines.coqui:
            await engines.coqui.close()


def load(config: Config, coqui: bool) -> Engines:
    """The models `[speech]` and `[coqui]` name; espeak-ng where Piper cannot load.

    Coqui, which only who asks for it gets, must load. Raises StartError.
    """
    # here, not above: whoever starts this process must not carry the models' libraries
    from bot.providers.whisper_local import WhisperLocal

    speech = config.speech
    stt = WhisperLocal(speech.whisper, threads=speech.threads, device=speech.device)
    tts, tts_model = load_voice(speech.voice)
    engines = Engines(stt, stt.model_name, stt.languages, tts, tts_model)
    if not coqui:
        return engines
    from bot.providers.coqui import CoquiLocal

    about = config.coqui
    voice = CoquiLocal(
        about.model, about.config, about.speaker, device=speech.device, threads=speech.threads
    )
    return replace(engines, coqui=voice, coqui_model=voice.voice_name)


def load_voice(name: str) -> tuple[TextToSpeech, str]:
    """The voice and its name; "espeak" asks for espeak-ng."""
    from bot.providers.espeak import Espeak

    if name != "espeak":
        try:
            from bot.providers.piper_local import PiperLocal

            piper = PiperLocal(name)
            return piper, piper.voice_name
        except (StartError, ImportError) as error:
            log.warning("speech.piper_missing", why=str(error), instead="espeak-ng")
    last_resort = Espeak()
    return last_resort, last_resort.voice_name


async def warm_up(engines: Engines) -> None:
    """One sentence spoken and heard, so that the first caller waits for nothing.

    Raises StartError when one of the models does not work.
    """
    language = "en" if "en" in engines.languages else min(engines.languages)
    try:
        for voice in (engines.coqui, engines.tts):
            if voice:
                spoken: list[Samples] = [
                    chunk async for chunk in voice.speak(WARM_UP_TEXT, voice=Voice())
                ]
        heard = resampled(np.concatenate(spoken), engines.tts.rate, engines.stt.rate)
        for urgent in (False, True):
            await engines.stt.transcribe(heard, language=language, urgent=urgent)
    except ProviderError as error:
        raise StartError(f"A speech model loads but does not work: {error}.") from None


def claim_socket(path: Path) -> Path:
    """Make way for a socket at `path`: its folder, and no dead worker's leftover.

    Raises StartError when a living worker listens there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    raise StartError(
                        f"{path}: another speech worker listens here. "
                        "Stop it or set speech.socket to another path."
                    )
            path.unlink()
    except OSError as error:
        raise StartError(f"{path}: {error.strerror or error}. Mend speech.socket.") from None
    return path


async def listen_on(runner: web.AppRunner, path: Path) -> str:
    try:
        await web.UnixSite(runner, str(path)).start()
        await asyncio.to_thread(path.chmod, 0o600)  # callers' voices pass through it
    except OSError as error:
        raise StartError(f"{path}: {error.strerror or error}. Mend speech.socket.") from None
    return f"unix://{path}"


async def listen_tcp(runner: web.AppRunner, bind: str) -> str:
    host, _, port = bind.rpartition(":")
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        await site.start()
    except (OSError, ValueError, OverflowError) as error:
        raise StartError(f"{bind}: cannot listen ({error}). Choose another address.") from None
    taken = runner.addresses[0][1]
    return f"http://{host}:{taken}/v1"
