"""STT, language model and TTS of any server that speaks OpenAI's HTTP API.

The wire: https://platform.openai.com/docs/api-reference (audio, chat). The bot's own speech
worker is such a server behind a Unix socket, so moving speech to another machine is a URL.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from bot.audio import wav
from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import Message, Transcript, Voice
from bot.providers.openai_http import Endpoint, Server, body, sse_data
from bot.providers.pcm_stream import PcmReader

STT_HZ = 16_000
PCM_HZ = 24_000  # what response_format=pcm means
DONE = "[DONE]"


class OpenAiSpeechToText:
    """POST /audio/transcriptions with the utterance as a WAV made in memory."""

    rate = STT_HZ

    def __init__(
        self, endpoint: Endpoint, *, model: str, name: str = "openai_compat", prompt: str = ""
    ) -> None:
        self.name = name
        self._server = Server(name, endpoint)
        self._fields = {"model": model, "response_format": "json", "temperature": "0"}
        if prompt:
            self._fields["prompt"] = prompt

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        """Words of `pcm`, int16 of shape (n,) at 16 kHz; "" when nobody spoke."""
        response = await self._server.post(
            "/audio/transcriptions",
            data=self._fields | {"language": language} | ({"prompt": expect} if expect else {}),
            files={"file": ("utterance.wav", wav.encode(pcm, self.rate), "audio/wav")},
            headers={"X-Priority": "urgent"} if urgent else None,
        )
        try:
            text = response.json()["text"]
        except (ValueError, KeyError, TypeError):
            raise ProviderError(self.name, "answered without a text", retryable=True) from None
        return Transcript(str(text).strip(), language)

    async def close(self) -> None:
        await self._server.close()


class OpenAiLanguageModel:
    """POST /chat/completions, streamed as server-sent events."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        name: str = "openai_compat",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """`options` go into the request as they are: temperature, reasoning_effort and so on."""
        self.name = name
        self._server = Server(name, endpoint)
        self._body = {"model": model, "stream": True} | dict(options or {})

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """The reply in pieces as they come; raises ProviderError, also in mid-stream."""
        said = [{"role": message.role, "content": message.content} for message in messages]
        async with self._server.stream("/chat/completions", self._body | {"messages": said}) as got:
            events = self._server.pieces(sse_data(body(got)))
            finished = False
            async with aclosing(events):
                async for event in events:
                    if event == DONE:
                        return
                    text, ended = self._piece(event)
                    finished = finished or ended
                    if text:
                        yield text
        if not finished:
            raise ProviderError(self.name, "the reply was cut off", retryable=True)

    def _piece(self, event: str) -> tuple[str, bool]:
        """Text of one event, and whether the reply ends with it."""
        try:
            chunk = json.loads(event)
            if "error" in chunk:
                what = f"broke off: {chunk['error'].get('message', 'no reason given')}"
                raise ProviderError(self.name, what, retryable=True)
            if not chunk["choices"]:  # the event that only counts tokens
                return "", False
            choice = chunk["choices"][0]
            return choice["delta"].get("content") or "", bool(choice.get("finish_reason"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ProviderError(self.name, "sent a malformed chunk", retryable=True) from None

    async def close(self) -> None:
        await self._server.close()


class OpenAiTextToSpeech:
    """POST /audio/speech, audio taken as it comes."""

    rate = PCM_HZ

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        model: str,
        voice: str,
        name: str = "openai_compat",
        audio: Literal["pcm", "wav"] = "pcm",
        voices: Sequence[str] = (),
    ) -> None:
        """`voice` speaks when the persona names none; with `voices`, also when it names another
        provider's. `audio` is what the server is asked for; WAV of any rate becomes 24 kHz."""
        self.name = name
        self._server = Server(name, endpoint)
        self._body = {"model": model, "response_format": audio}
        self._voice, self._voices = voice, frozenset(voices)
        self.voice_name = f"{model} {voice}"

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """Chunks of shape (n,) at 24 kHz as they arrive; raises ProviderError."""
        known = voice.preset_id and (not self._voices or voice.preset_id in self._voices)
        request: dict[str, Any] = self._body | {
            "input": text,
            "voice": voice.preset_id if known else self._voice,
        }
        if voice.speed != 1.0:
            request["speed"] = voice.speed
        reader = PcmReader(self.rate, wav_header=request["response_format"] == "wav")
        async with self._server.stream("/audio/speech", request) as response:
            audio = self._server.pieces(body(response))
            async with aclosing(audio):
                async for piece in audio:
                    samples = self._read(reader, piece)
                    if len(samples):
                        yield samples
        rest = self._read(reader, None)
        if len(rest):
            yield rest

    def _read(self, reader: PcmReader, piece: bytes | None) -> Samples:
        try:
            return reader.finish() if piece is None else reader.feed(piece)
        except ValueError as error:
            raise ProviderError(self.name, str(error), retryable=False) from None

    async def close(self) -> None:
        await self._server.close()
