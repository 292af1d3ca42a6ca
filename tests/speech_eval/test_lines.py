"""Each line carries the voice at its level, puts the noise it says on it, and is the same again."""

from __future__ import annotations

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.audio.metrics import snr_over
from bot.config import Conditioning
from tests.speech_eval.concealment import Concealer
from tests.speech_eval.corpus import HZ, LEVELS_DB, active_db, corpus
from tests.speech_eval.heard import heard
from tests.speech_eval.lines import CONDITIONS, LEAD_S, frames
from tests.speech_eval.lines import condition as line
from tests.speech_eval.run import steps_for

UTTERANCE = corpus()[0]


def test_there_are_enough_utterances_and_callers():
    assert len(corpus()) >= 52
    assert len({each.speaker for each in corpus()}) == 10
    for each in corpus():
        assert LEVELS_DB[0] - 0.1 <= active_db(each.sound, HZ) <= LEVELS_DB[1] + 0.1


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda each: each.name)
def test_a_line_carries_the_voice_at_its_level(condition):
    came = frames(UTTERANCE, condition)
    assert {len(each) for each in came} == {FRAME_SAMPLES}
    sound = np.concatenate(came) / 32768
    voice = sound[round(LEAD_S * BUS_HZ) :][: round(len(UTTERANCE.sound) / HZ * BUS_HZ)]
    assert active_db(voice, BUS_HZ) == pytest.approx(active_db(UTTERANCE.sound, HZ), abs=1.5)
    again = frames(UTTERANCE, condition)
    assert all(np.array_equal(one, other) for one, other in zip(came, again, strict=True))


@pytest.mark.parametrize("name", ["white20", "white10", "babble20"])
def test_noise_has_the_level_it_says(name):
    lead = np.concatenate(frames(UTTERANCE, line(name))[10:110])
    wanted = active_db(UTTERANCE.sound, HZ) - line(name).snr_db
    assert level_db(lead) == pytest.approx(wanted, abs=2.5 if name == "babble20" else 0.8)


def test_lost_packets_are_concealed_and_not_silent():
    tone = (8000 * np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)).astype(np.int16)
    sent = list(tone.reshape(-1, 160))
    concealer = Concealer(8000)
    out = [concealer.heard(None if n == 25 else each) for n, each in enumerate(sent)]
    assert level_db(out[25]) > level_db(sent[25]) - 6


def test_a_noisy_line_is_conditioned_and_others_are_not():
    for name, steps in (("g711", ()), ("clean", ()), ("white10", ("noise_suppression",))):
        told = heard(UTTERANCE, line(name))
        assert steps_for(told, Conditioning()) == steps, name
    noisy = heard(UTTERANCE, line("white10"))
    assert 6 < snr_over(noisy.quality, noisy.noise, HZ) < 12
