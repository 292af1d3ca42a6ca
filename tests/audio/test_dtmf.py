"""Keys are heard as ITU-T Q.24 asks for, once each, and nobody presses one by talking."""

from itertools import cycle

import numpy as np
import pytest

from bot.audio.dtmf import KEYS, KeyDetector, key_tones
from tests.eval.phrases import BABBLE, GREETING, QUESTION, REPLIES
from tests.eval.voices import JOES, ROBOTS, speech

RATE_HZ = 16_000
FRAME = RATE_HZ // 50
ALL = "".join(KEYS)
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)  # typed from ITU-T Q.23
LEAST_SPEECH_S = 150


def heard(pcm):
    """(keys, frames with a tone)"""
    detector = KeyDetector(RATE_HZ)
    found = [detector.hear(pcm[at : at + FRAME]) for at in range(0, len(pcm) - FRAME + 1, FRAME)]
    return "".join(each.pressed for each in found), sum(each.tone for each in found)


def pressed(keys, ms, *, gap_ms=60, level_db=-15.0, snr_db=40.0, off=0.0, twist_db=0.0, seed=1):
    """Keys at any moment of a frame; `level_db` is that of each tone, `off` a share of its Hz."""
    dice = np.random.default_rng(seed)
    times = np.arange(RATE_HZ * ms // 1000) / RATE_HZ
    parts = [np.zeros(2000 + dice.integers(FRAME))]
    for key in keys:
        row = next(at for at, names in enumerate(KEYS) if key in names)
        sound = np.zeros(len(times))
        for hz, gain in ((ROWS[row], -twist_db), (COLUMNS[KEYS[row].index(key)], twist_db)):
            size = 10 ** ((level_db + gain / 2 + 3.01) / 20)
            sound += size * np.sin(2 * np.pi * hz * (1 + off) * times + dice.uniform(0, 6))
        parts += [sound, np.zeros(RATE_HZ * gap_ms // 1000 + dice.integers(FRAME // 2))]
    whole = np.concatenate([*parts, np.zeros(FRAME * 3)])
    whole += dice.standard_normal(len(whole)) * 10 ** ((level_db - snr_db) / 20)
    return (np.clip(whole, -1, 1) * 32767).astype(np.int16)


@pytest.mark.parametrize(
    "how",
    [
        {"ms": 100},
        {"ms": 50, "level_db": -25.0, "snr_db": 12.0},
        {"ms": 45, "gap_ms": 45, "level_db": -28.0, "snr_db": 15.0},
        {"ms": 60, "off": 0.015},
        {"ms": 60, "off": -0.015},
        {"ms": 60, "twist_db": 6.0},
        {"ms": 60, "twist_db": -6.0},
        {"ms": 2000},
    ],
    ids=str,
)
def test_every_key_is_heard_once(how):
    for seed in range(8 if how["ms"] < 500 else 1):
        assert heard(pressed(ALL, seed=seed, **how))[0] == ALL
    assert heard(pressed("1155", **how))[0] == "1155"


def test_what_is_no_key_is_not_heard():
    assert heard(pressed(ALL, 20, gap_ms=100))[0] == "", "shorter than 23 ms"
    assert heard(pressed(ALL, 60, off=0.035))[0] == "", "3.5 % off"
    assert heard(pressed(ALL, 60, level_db=-50.0))[0] == "", "an echo"
    one_tone = np.sin(2 * np.pi * 697 * np.arange(RATE_HZ) / RATE_HZ) * 8000
    ringback = one_tone / 2 + np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ) * 4000
    for sound in (one_tone, ringback):
        assert heard(sound.astype(np.int16)) == ("", 0)
    hiss = np.random.default_rng(1).standard_normal(20 * RATE_HZ) * 3000
    assert heard(hiss.astype(np.int16)) == ("", 0)


@pytest.mark.parametrize("begin", [3500, 3600, 3700])
def test_a_key_that_a_lost_packet_cuts_in_two_is_one_key(begin):
    sound = pressed("7", 200)
    sound[begin : begin + FRAME] = 0
    assert heard(sound)[0] == "7"


def test_nobody_presses_a_key_by_talking():
    """Sentences of eleven voices, one after the other; not even a frame of them is taken away."""
    texts = [*BABBLE, *REPLIES, GREETING, QUESTION]
    spoken_s = 0.0
    for text, joe, robot in zip(texts, cycle(JOES), cycle(ROBOTS), strict=False):
        for speaker in (joe, robot):
            pcm = speech(text, speaker, RATE_HZ)
            assert heard(pcm) == ("", 0), (text, speaker)
            spoken_s += len(pcm) / RATE_HZ
    assert spoken_s > LEAST_SPEECH_S


def test_keys_that_are_made_are_the_ones_of_the_standard():
    sound = key_tones("5d", RATE_HZ).astype(np.float64)
    assert len(sound) == 4 * RATE_HZ // 10
    for at, (row, column) in ((0, (770, 1336)), (0.2, (941, 1633))):
        part = sound[round(at * RATE_HZ) : round((at + 0.1) * RATE_HZ)] / 32768
        power = np.abs(np.fft.rfft(part, RATE_HZ)) ** 2
        assert abs(int(power[:1000].argmax()) - row) <= 2
        assert abs(int(power[1000:].argmax()) + 1000 - column) <= 2
        assert 10 * np.log10(np.mean(part**2)) == pytest.approx(-9.9, abs=0.3)
    assert not sound[-RATE_HZ // 10 :].any()
    assert heard(np.concatenate([key_tones(ALL, RATE_HZ), np.zeros(960, np.int16)]))[0] == ALL
    assert len(key_tones("", RATE_HZ)) == 0
    with pytest.raises(ValueError, match="'X' is no key"):
        key_tones("x", RATE_HZ)
