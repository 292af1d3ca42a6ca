"""Whisper in this process: faster-whisper's model, with a window as short as the utterance.

Whisper pads every utterance to 30 s. Padding its features to 10 s instead keeps the word error
rate and cuts the time three- to sixfold; padding the audio, or with anything but zeros, ruins it.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.audio.frame import FULL_SCALE, Samples
from bot.errors import ProviderError
from bot.providers.base import Transcript
from bot.providers.long_audio import pieces
from bot.providers.turnstile import Full, Turnstile
from bot.providers.whisper_weights import Device, find_weights, load_whisper

RATE_HZ = 16_000
FEATURES_PER_S = 100
# 8 s saves a sixth of the time, but in babble at 20 dB tiny.en then says sentences twice: 24.4 %
# wrong words instead of 15.0. 6 s: base is 1.2 points worse on a quiet line (tests/speech_eval).
WINDOW_S = 10.0
URGENT_WINDOW_S = 5.0
TAIL_S = 1.0  # silence whisper needs behind the last word
# Silence, noise, hum and clicks measured .83 to .97; speech, also at 10 dB SNR, .61 at most.
NO_SPEECH = 0.75
# In half a second of speech it is less sure: .87 are reached, noises begin at .63. With a prompt
# noises have .2 and more, so words are believed up to there (tests/eval, 270 clips in 5 windows).
NO_SPEECH_IN_A_LOOK, NO_SPEECH_PROMPTED = 0.88, 0.4
PROMPT_TOKENS = 100
STUTTER = 5
LOOPS = 2  # times that the end of a text is said again
TOKENS_BASE, TOKENS_PER_S = 8, 6  # the fastest speakers need about 5 tokens a second


class WhisperLocal:
    """Speech to text on this machine; an utterance or two at a time, urgent ones first."""

    name = "whisper_local"
    rate = RATE_HZ

    def __init__(
        self, weights: str = "tiny.en", *, threads: int = 1, device: Device = "auto"
    ) -> None:
        """Load the model (under a second). Raises StartError when it cannot be had."""
        folder = find_weights(weights)
        self.model_name = weights if not Path(weights).is_dir() else Path(weights).name
        self._whisper, self.device = load_whisper(folder, threads, device)
        self._turnstile = Turnstile("whisper", threads=self._whisper.model.num_workers)

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self._whisper.supported_languages)

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        """Words of `pcm`, int16 of shape (n,) at RATE_HZ; "" when nobody spoke.

        `expect` leans short audio towards those words: it is whisper's prompt.
        Audio longer than 28 s queues anew for each piece. Raises ProviderError.
        """
        language = language.partition("-")[0].lower() or "en"
        if language not in self.languages:
            raise ProviderError(self.name, f"does not know language {language!r}", retryable=False)
        texts = []
        for piece in pieces(pcm, RATE_HZ):
            window_s = URGENT_WINDOW_S if urgent else WINDOW_S
            work = partial(self._hear, piece, language, window_s, expect)
            try:
                texts.append(await self._turnstile.run(work, urgent=urgent))
            except Full:
                raise ProviderError(self.name, "too many are waiting", retryable=True) from None
            except (RuntimeError, ValueError) as error:
                raise ProviderError(self.name, f"failed: {error}", retryable=True) from None
        return Transcript(" ".join(filter(None, texts)), language)

    def _hear(self, pcm: Samples, language: str, window_s: float, expect: str) -> str:
        """One utterance of at most 28 s, on the turnstile's thread."""
        from faster_whisper.transcribe import get_ctranslate2_storage

        whisper, seconds = self._whisper, len(pcm) / RATE_HZ
        features = padded(
            whisper.feature_extractor(pcm.astype(np.float32) / FULL_SCALE),
            max(window_s, seconds + TAIL_S),
        )
        heard = get_ctranslate2_storage(features[None])
        tokenizer = self._tokenizer(language)
        start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        most = round(TOKENS_BASE + TOKENS_PER_S * seconds)
        if not expect:
            result = self._generate(heard, tokenizer, start, most)
            if result.no_speech_prob > NO_SPEECH:
                return ""
        else:  # a prompt hides the noise, so that is asked about without it; encoded only once
            heard = whisper.model.encode(heard)
            if self._generate(heard, tokenizer, start, 1).no_speech_prob > NO_SPEECH_IN_A_LOOK:
                return ""
            prompt = [tokenizer.sot_prev, *tokenizer.encode(f" {expect}")[-PROMPT_TOKENS:]]
            result = self._generate(heard, tokenizer, [*prompt, *start], most)
            if result.no_speech_prob > NO_SPEECH_PROMPTED:
                return ""
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        return spoken(unlooped(text) if len(tokens) >= most else text)

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        multilingual: bool = self._whisper.model.is_multilingual
        return Tokenizer(
            self._whisper.hf_tokenizer,
            multilingual,
            task="transcribe" if multilingual else None,
            language=language if multilingual else None,
        )

    def _generate(self, heard: Any, tokenizer: Any, start: list[int], most: int) -> Any:
        """What the model makes of features, or of what it encoded: at most `most` tokens."""
        from faster_whisper.transcribe import get_suppressed_tokens

        return self._whisper.model.generate(
            heard,
            [start],
            beam_size=1,
            max_length=most + max(most, len(start)),  # CTranslate2 takes the prompt from it
            suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])),
            return_no_speech_prob=True,
        )[0]

    async def close(self) -> None:
        self._turnstile.close()


def padded(features: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Log-mel features of shape (mels, n), zero-padded or cut to `seconds`."""
    length = round(seconds * FEATURES_PER_S)
    missing = length - features.shape[1]
    return np.pad(features, ((0, 0), (0, max(0, missing))))[:, :length]


def unlooped(text: str) -> str:
    """What a text that ran into its token limit said before it began to repeat itself.

    In noise whisper also says something first and then repeats the end of it: at 10 dB a caller's
    15 words became 37 (tests/speech_eval).
    """
    words = text.split()
    plain = [re.sub(r"\W", "", word).lower() for word in words][:-1]  # the last may be cut off
    for period in range(1, len(words) // 2 + 1):
        pairs = zip(plain[::-1], plain[-period - 1 :: -1], strict=False)
        again = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        if again == len(plain) - period or again >= LOOPS * period:
            return " ".join(words[: len(plain) - again])
    return text


def spoken(text: str) -> str:
    """Words only: empty for signs alone, which is whisper's way of writing a noise.

    A word stuttered STUTTER times in a row was said once; digits may well repeat.
    """
    text = re.sub(rf"\b([^\W\d]+)(?:\W+\1\b){{{STUTTER - 1},}}", r"\1", text, flags=re.IGNORECASE)
    return text if re.search(r"\w", text) else ""
