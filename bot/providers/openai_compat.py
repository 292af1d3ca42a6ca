"""STT, language model and TTS of any server that speaks OpenAI's HTTP API.

The wire: https://platform.openai.com/docs/api-reference (audio, chat). The bot's own speech
worker is such a server behind a Unix socket, so moving speech to another machine is a URL.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import structlog

from bot.audio import wav
from bot.audio.frame import Samples
from bot.errors import ProviderError
from bot.providers.base import Message, Piece, Setting, Tool, Transcript, Voice
from bot.providers.http_errors import malformed
from bot.providers.openai_http import Endpoint, Server, body, sse_data
from bot.providers.openai_streams import (
    chat_messages,
    chat_pieces,
    chat_tools,
    samples,
    told_by_people,
)
from bot.providers.pcm_stream import PcmReader

STT_HZ = 16_000
PCM_HZ = 24_000  # what response_format=pcm means
log = structlog.get_logger(__name__)


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
            raise malformed(self.name, "answered without a text") from None
        return Transcript(str(text).strip(), language)

    async def close(self) -> None:
        await self._server.close()


class OpenAiLanguageModel:
    """POST /chat/completions, streamed as server-sent events.

    A server or model that knows no tools is asked again without them, and from then on never
    offered any: it talks, and that is worth more than a refusal of every reply.
    """

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
        self._knows_tools = True

    async def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        """The reply in pieces as they come; raises ProviderError, also in mid-stream."""
        if tools and self._knows_tools:
            try:
                async with aclosing(self._reply(messages, tools)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ProviderError as error:
                if not _refuses_tools(error):
                    raise
                self._knows_tools = False
                log.warning("the language model takes no tools", provider=self.name, why=error.code)
        async with aclosing(self._reply(messages, ())) as pieces:
            async for piece in pieces:
                yield piece

    async def _reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncGenerator[Piece, None]:
        request = self._body | {"messages": chat_messages(messages)} | chat_tools(tools)
        sent = told_by_people(messages)
        async with self._server.stream("/chat/completions", request, sent=sent) as got:
            pieces = chat_pieces(self.name, self._server.pieces(sse_data(body(got))), sent)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    async def close(self) -> None:
        await self._server.close()


def _refuses_tools(error: ProviderError) -> bool:
    """llama.cpp without --jinja: 500, vLLM without a parser: 400, Ollama's small models: 400; each
    names what it lacks."""
    return error.code in ("400", "422", "500", "501") and "tool" in error.what.lower()


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
        styles: bool = True,
    ) -> None:
        """`voice` speaks when the persona names none; with `voices`, also when it names another
        provider's. `audio` is what the server is asked for; WAV of any rate becomes 24 kHz.
        With `styles` a style is sent as `instructions`, but not to tts-1 and tts-1-hd, which by
        OpenAI's reference do not heed it."""
        self.name = name
        self._server = Server(name, endpoint)
        self._body = {"model": model, "response_format": audio}
        self._voice, self._voices = voice, frozenset(voices)
        self.voice_name = f"{model} {voice}"
        styles = styles and not model.startswith("tts-1")
        self.does: frozenset[Setting] = frozenset({"speed", "style"} if styles else {"speed"})

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """Chunks of shape (n,) at 24 kHz as they arrive; raises ProviderError."""
        known = voice.preset_id and (not self._voices or voice.preset_id in self._voices)
        request: dict[str, Any] = self._body | {
            "input": text,
            "voice": voice.preset_id if known else self._voice,
        }
        if voice.speed != 1.0:
            request["speed"] = voice.speed
        if voice.style and "style" in self.does:
            request["instructions"] = voice.style
        reader = PcmReader(self.rate, wav_header=request["response_format"] == "wav")
        async with self._server.stream("/audio/speech", request, sent=[text]) as response:
            audio = samples(self.name, self._server.pieces(body(response)), reader)
            async with aclosing(audio):
                async for chunk in audio:
                    yield chunk

    async def close(self) -> None:
        await self._server.close()
