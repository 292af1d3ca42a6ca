"""Groq's cloud: speech to text, language model and voice. The key comes from GROQ_API_KEY."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

import numpy as np
from groq import omit

from bot.audio import wav
from bot.audio.frame import Samples
from bot.config import Config
from bot.providers.base import Message, Piece, Setting, Tool, Transcript, Voice
from bot.providers.groq_client import NAME, GroqClient
from bot.providers.long_audio import SHORTEST_S
from bot.providers.openai_http import body, sse_data
from bot.providers.openai_streams import (
    chat_messages,
    chat_pieces,
    chat_tools,
    samples,
    told_by_people,
)
from bot.providers.pcm_stream import PcmReader
from bot.providers.text_parts import parts

STT_HZ = 16_000
TTS_HZ = 24_000
NO_SPEECH = 0.75  # as with local Whisper: noise begins at .83, speech ends at .61
PROMPT_CHARS = 800  # whisper takes 224 tokens
VOICES = ("hannah", "autumn", "diana", "austin", "daniel", "troy")  # of the English model
LONGEST_TEXT = 200  # characters; what is longer the voice model refuses
LONGEST_STYLE = 40  # of them: a direction is meant to have one or two words


class GroqSpeechToText:
    """Whisper in Groq's cloud."""

    name = NAME
    rate = STT_HZ

    def __init__(self, config: Config) -> None:
        """Raises ConfigError when there is no key."""
        self._client = GroqClient(config.groq, config.ai.timeout_s)
        self._model = config.groq.stt_model

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        """Words of `pcm`, int16 of shape (n,) at 16 kHz; `expect` is whisper's prompt.

        What cannot hold a word is not sent: the cloud refuses it, or dreams of "Thank you."
        """
        if len(pcm) < SHORTEST_S * self.rate or not np.any(pcm):
            return Transcript("", language)
        async with self._client.guard([expect]):
            answer = await self._client.sdk.audio.transcriptions.create(
                file=("utterance.wav", wav.encode(pcm, self.rate), "audio/wav"),
                model=self._model,
                language=language.partition("-")[0].lower() or omit,
                prompt=expect[-PROMPT_CHARS:] or omit,
                response_format="verbose_json",  # tells where nobody spoke
                temperature=0,
            )
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise self._client.not_a_text()
        return Transcript("" if _nobody_spoke(answer) else text.strip(), language)

    async def close(self) -> None:
        await self._client.close()


def _nobody_spoke(answer: Any) -> bool:
    """Does every segment hold no speech by whisper's own judgement?"""
    segments = getattr(answer, "segments", None)
    if not isinstance(segments, list) or not segments:
        return False
    odds = [each.get("no_speech_prob") for each in segments if isinstance(each, Mapping)]
    return bool(odds) and all(isinstance(each, float) and each > NO_SPEECH for each in odds)


class GroqLanguageModel:
    """A chat model in Groq's cloud, streamed."""

    name = NAME

    def __init__(self, config: Config) -> None:
        """Raises ConfigError when there is no key."""
        self._client = GroqClient(config.groq, config.ai.timeout_s)
        self._options: dict[str, Any] = {"model": config.groq.llm_model, "stream": True}
        if config.groq.reasoning_effort:
            self._options["reasoning_effort"] = config.groq.reasoning_effort

    async def reply(
        self, messages: Sequence[Message], *, tools: Sequence[Tool] = ()
    ) -> AsyncIterator[Piece]:
        """The reply in pieces as they come; raises ProviderError, also in mid-stream."""
        sent = told_by_people(messages)
        create = self._client.sdk.chat.completions.with_streaming_response.create
        options = self._options | chat_tools(tools)
        asking = create(messages=cast("Any", chat_messages(messages)), **options)
        async with self._client.guard(sent):
            response = await asking.__aenter__()
        try:
            events = self._client.pieces(sse_data(body(response.http_response)))
            pieces = chat_pieces(self.name, events, sent)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            await response.close()

    async def close(self) -> None:
        await self._client.close()


class GroqTextToSpeech:
    """A voice in Groq's cloud."""

    name = NAME
    rate = TTS_HZ

    def __init__(self, config: Config) -> None:
        """Raises ConfigError when there is no key."""
        self._client = GroqClient(config.groq, config.ai.timeout_s)
        self._model, self._voice = config.groq.tts_model, config.groq.voice
        self._voices = frozenset((*VOICES, self._voice))
        self.voice_name = f"{self._model} {self._voice}"
        # of Orpheus the English one takes directions; others would read them out
        directed = "orpheus" in self._model and "english" in self._model
        self.does: frozenset[Setting] = frozenset({"speed", "style"} if directed else {"speed"})

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        """Chunks of shape (n,) at 24 kHz as they arrive; raises ProviderError."""
        direction = self._direction(voice.style)
        for part in parts(text, LONGEST_TEXT - len(direction)):
            audio = self._speak(direction + part, voice)
            async with aclosing(audio):
                async for chunk in audio:
                    yield chunk

    def _direction(self, style: str) -> str:
        """As the model takes it: in brackets, before the text."""
        words = style.strip("[] ")[:LONGEST_STYLE] if "style" in self.does else ""
        return f"[{words}] " if words else ""

    async def _speak(self, text: str, voice: Voice) -> AsyncGenerator[Samples, None]:
        create = self._client.sdk.audio.speech.with_streaming_response.create
        asking = create(
            input=text,
            model=self._model,
            voice=voice.preset_id if voice.preset_id in self._voices else self._voice,
            response_format="wav",
            speed=voice.speed if voice.speed != 1.0 else omit,
        )
        async with self._client.guard([text]):
            response = await asking.__aenter__()
        try:
            reader = PcmReader(self.rate, wav_header=True)
            audio = samples(self.name, self._client.pieces(body(response.http_response)), reader)
            async with aclosing(audio):
                async for chunk in audio:
                    yield chunk
        finally:
            await response.close()

    async def close(self) -> None:
        await self._client.close()
