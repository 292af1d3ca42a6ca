"""The HTTP face of the speech worker: OpenAI's audio endpoints, its errors, its streams.

POST /v1/audio/transcriptions, POST /v1/audio/speech, GET /v1/models, GET /healthz.
Any model and voice name is accepted: there is one of each here, and beside them model "coqui"
where a voice of Coqui's is loaded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.audio import wav
from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import SpeechToText, TextToSpeech, Voice
from bot.providers.names import COQUI
from bot.workers.speech_audio import decode_upload, resampled

MAX_UPLOAD_BYTES = 25 * 1024 * 1024  # OpenAI's own limit
MAX_INPUT_CHARS = 4096  # the same
PCM_HZ = 24_000  # what response_format=pcm means
SPEEDS = (0.25, 4.0)
RETRY_AFTER_S = "1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Engines:
    """What the worker speaks and hears with."""

    stt: SpeechToText
    stt_model: str
    languages: frozenset[str]
    tts: TextToSpeech
    tts_model: str
    coqui: TextToSpeech | None = None
    coqui_model: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        return (self.stt_model, self.tts_model, *([COQUI] if self.coqui else []))

    def voice_of(self, model: str) -> TextToSpeech:
        """Raises ApiError when Coqui is asked for and not loaded."""
        if model != COQUI:
            return self.tts
        if self.coqui is None:
            what = "Coqui is not loaded: name coqui in ai.tts or in a persona and start anew."
            raise ApiError(404, what, "model")
        return self.coqui


class ApiError(Exception):
    """Becomes OpenAI's error object."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        self.status, self.message, self.param = status, message, param
        super().__init__(message)


class SpeechApi:
    """The routes; answers 503 until `engines` is set."""

    def __init__(self, engines: Engines | None = None) -> None:
        self.engines = engines

    def app(self) -> web.Application:
        app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_UPLOAD_BYTES)
        app.add_routes(
            [
                web.post("/v1/audio/transcriptions", self.transcriptions),
                web.post("/v1/audio/speech", self.speech),
                web.get("/v1/models", self.models),
                web.get("/healthz", self.health),
            ]
        )
        return app

    def _ready(self) -> Engines:
        if self.engines is None:
            raise ApiError(503, "The models are still loading.")
        return self.engines

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        engines = self._ready()
        form = await read_form(request)
        if not form.audio:
            raise ApiError(400, "Send the audio as a file.", "file")
        answer_as = form.text.get("response_format", "json")
        if answer_as not in ("json", "verbose_json", "text"):
            raise ApiError(400, "json, verbose_json and text are served.", "response_format")
        language = form.text.get("language", "en").lower()
        if language.partition("-")[0] not in engines.languages:
            raise ApiError(400, f"This model does not know {language!r}.", "language")
        try:
            pcm = await asyncio.to_thread(decode_upload, form.audio, engines.stt.rate)
        except ValueError as error:
            raise ApiError(400, f"The file cannot be read: {error}.", "file") from None
        urgent = request.headers.get("X-Priority", "").lower() == "urgent"
        heard = await engines.stt.transcribe(
            pcm, language=language, urgent=urgent, expect=form.text.get("prompt", "")
        )
        if answer_as == "text":
            return web.Response(text=heard.text + "\n")
        answer: dict[str, Any] = {"text": heard.text}
        if answer_as == "verbose_json":
            seconds = round(len(pcm) / engines.stt.rate, 3)
            whole = {"id": 0, "start": 0.0, "end": seconds, "text": heard.text}
            answer |= {"task": "transcribe", "language": heard.language, "duration": seconds}
            answer["segments"] = [whole] if heard.text else []
        return web.json_response(answer)

    async def speech(self, request: web.Request) -> web.StreamResponse:
        engines = self._ready()
        wanted = await read_wish(request)
        spoken = at_pcm_rate(engines.voice_of(wanted.model), wanted)
        async with aclosing(spoken):
            first = await anext(spoken, None)  # before the headers: its failure is a status code
            if wanted.audio == "wav":
                clip = b"".join([first or b"", *[chunk async for chunk in spoken]])
                header = wav.header(PCM_HZ, 1, len(clip))
                return web.Response(body=header + clip, content_type="audio/wav")
            response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
            await response.prepare(request)
            if first:
                await response.write(first)
            async for chunk in spoken:
                await response.write(chunk)
            await response.write_eof()
            return response

    async def models(self, request: web.Request) -> web.StreamResponse:
        engines = self._ready()
        about = {"object": "model", "created": 0, "owned_by": "local"}
        return web.json_response(
            {"object": "list", "data": [{"id": name} | about for name in engines.models]}
        )

    async def health(self, request: web.Request) -> web.StreamResponse:
        engines = self._ready()
        told = {"status": "ok", "stt": engines.stt_model, "tts": engines.tts_model}
        if engines.coqui:
            told["coqui"] = engines.coqui_model
        return web.json_response(told)


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body."""

    audio: bytes
    text: dict[str, str]


async def read_form(request: web.Request) -> Form:
    """Parts are kept in memory: aiohttp's own `post()` would write audio to a file."""
    if not request.content_type.startswith("multipart/"):
        raise ApiError(400, "Send multipart/form-data.", "file")
    audio, text, size = b"", {}, 0
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise ApiError(400, "Nested parts are not read.")
            content = bytearray()
            while chunk := await part.read_chunk(65536):
                content += chunk
                size += len(chunk)
                if size > MAX_UPLOAD_BYTES:
                    raise ApiError(413, f"More than {MAX_UPLOAD_BYTES} bytes.", "file")
            if part.name == "file":
                audio = bytes(content)
            elif part.name:
                text[part.name] = content.decode("utf-8", errors="replace").strip()
    except (ValueError, HttpProcessingError):
        raise ApiError(400, "The multipart body is broken.") from None
    return Form(audio, text)


@dataclass(frozen=True, slots=True)
class Wish:
    """A checked speech request."""

    text: str
    voice: Voice
    audio: str  # "pcm" or "wav"
    model: str = ""


async def read_wish(request: web.Request) -> Wish:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ApiError(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not a JSON object.")
    text = body.get("input")
    if not isinstance(text, str) or not text.strip():
        raise ApiError(400, "A text to speak is missing.", "input")
    if len(text) > MAX_INPUT_CHARS:
        raise ApiError(400, f"More than {MAX_INPUT_CHARS} characters.", "input")
    audio = body.get("response_format", "wav")
    if audio not in ("pcm", "wav"):
        raise ApiError(400, "pcm and wav are served.", "response_format")
    speed = body.get("speed", 1.0)
    if not isinstance(speed, int | float) or not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ApiError(400, f"A number from {SPEEDS[0]} to {SPEEDS[1]}.", "speed")
    name = body.get("voice", "")
    if not isinstance(name, str):
        raise ApiError(400, "The name of a voice.", "voice")
    model = body.get("model", "")
    if not isinstance(model, str):
        raise ApiError(400, "The name of a model.", "model")
    return Wish(text, Voice(preset_id=name, speed=float(speed)), audio, model)


async def at_pcm_rate(tts: TextToSpeech, wish: Wish) -> AsyncGenerator[bytes, None]:
    """Little-endian int16 at PCM_HZ, chunk by chunk."""
    async for samples in tts.speak(wish.text, voice=wish.voice):
        yield as_bytes(resampled(samples, tts.rate, PCM_HZ))


def as_bytes(samples: Samples) -> bytes:
    return samples.astype("<i2", copy=False).tobytes()


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error.status, error.message, error.param)
    except ProviderError as error:
        return error_response(503 if error.retryable else 500, error.what)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return error_response(error.status, error.reason)


def error_response(status: int, message: str, param: str | None = None) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": param, "code": None}}
    headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else None
    return web.json_response(body, status=status, headers=headers)
