"""Sarvam's speech to text: Indian languages and English. The key comes from SARVAM_API_KEY."""

from __future__ import annotations

import numpy as np

from bot.audio import wav
from bot.audio.frame import Samples
from bot.config import Config
from bot.errors import ProviderError
from bot.providers.base import Transcript
from bot.providers.http_errors import malformed
from bot.providers.long_audio import pieces
from bot.providers.openai_http import Endpoint, Server
from bot.secrets import required

NAME = "sarvam"
KEY_ENV = "SARVAM_API_KEY"
KEY_HEADER = "api-subscription-key"
STT_HZ = 16_000
LANGUAGES = frozenset(
    "as bn brx doi en gu hi kn kok ks mai ml mni mr ne od pa sa sat sd ta te ur".split()
)
THEIR_NAMES = {"or": "od"}  # Odia is od to Sarvam and or to everybody else


class SarvamSpeechToText:
    """POST /speech-to-text, an utterance of at most 30 s at a time."""

    name = NAME
    rate = STT_HZ

    def __init__(self, config: Config) -> None:
        """Raises ConfigError when there is no key."""
        required(KEY_ENV, NAME)
        url, deadline_s = config.sarvam.base_url.rstrip("/"), config.ai.timeout_s
        self._server = Server(NAME, Endpoint(url, KEY_ENV, deadline_s, KEY_HEADER))
        self._fields = {
            "model": config.sarvam.stt_model, "mode": "transcribe", "with_timestamps": "false",
        }  # fmt: skip

    async def transcribe(
        self, pcm: Samples, *, language: str, urgent: bool = False, expect: str = ""
    ) -> Transcript:
        """Words of `pcm`, int16 of shape (n,) at 16 kHz; longer audio is cut at pauses.

        `urgent` and `expect` are not sent. The API has no prompt; what it has, `keyterms`, is a
        list of single terms which `saaras:v4` alone takes, and `expect` is running text.
        """
        code = language_code(language)
        heard = [await self._hear(each, code) for each in pieces(pcm, self.rate) if np.any(each)]
        return Transcript(" ".join(filter(None, heard)), language)

    async def _hear(self, pcm: Samples, code: str) -> str:
        response = await self._server.post(
            "/speech-to-text",
            data=self._fields | {"language_code": code},
            files={"file": ("utterance.wav", wav.encode(pcm, self.rate), "audio/wav")},
        )
        try:
            text = response.json()["transcript"]
        except (ValueError, KeyError, TypeError):
            raise malformed(self.name, "answered without a transcript") from None
        return str(text or "").strip()

    async def close(self) -> None:
        await self._server.close()


def language_code(language: str) -> str:
    """ "en" and "en-US" → `en-IN`. Raises ProviderError for a language Sarvam does not know."""
    plain = language.partition("-")[0].lower() or "en"
    plain = THEIR_NAMES.get(plain, plain)
    if plain not in LANGUAGES:
        what = f"does not know language {language!r}"
        raise ProviderError(NAME, what, retryable=False, code="language")
    return f"{plain}-IN"
