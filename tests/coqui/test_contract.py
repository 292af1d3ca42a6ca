"""What every voice promises, asked of Coqui: in this process, and behind the speech worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.config import Ai, Config
from bot.providers.base import TextToSpeech
from bot.providers.coqui import CoquiLocal
from bot.providers.registry import providers_for
from bot.speech_settings import Speech
from tests.contracts.test_provider_contracts import (
    PERSONA,
    test_tts_begins_with_speech,
    test_tts_can_be_left_in_mid_sentence,
    test_tts_ignores_what_it_does_not_have,
    test_tts_serves_several_calls_at_once,
    test_tts_speaks_about_as_long_as_a_person,
)
from tests.coqui.tiny_vits import TinyVits
from tests.workers.speech_process import SpeechProcess

__all__ = [
    "test_tts_begins_with_speech",
    "test_tts_can_be_left_in_mid_sentence",
    "test_tts_ignores_what_it_does_not_have",
    "test_tts_serves_several_calls_at_once",
    "test_tts_speaks_about_as_long_as_a_person",
]


@pytest.fixture(params=["in process", "speech worker"])
async def tts(request: pytest.FixtureRequest, tiny: TinyVits) -> AsyncIterator[TextToSpeech]:
    made: TextToSpeech
    if request.param == "in process":
        made = CoquiLocal(str(tiny.model), str(tiny.config))
    else:
        worker: SpeechProcess = request.getfixturevalue("worker")
        config = Config(ai=Ai(tts="coqui"), speech=Speech(socket=worker.socket))
        made = providers_for(config, PERSONA).tts
        assert made.name == "coqui"
    yield made
    await made.close()
