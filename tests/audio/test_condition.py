"""Each step of the conditioning does what its name says and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from bot.audio.condition import filters, levels
from bot.audio.condition.chain import Step, choose, condition
from bot.audio.condition.noise import sound, spectra, suppress_noise
from bot.audio.metrics import Quality, snr_over, steady
from bot.config import Conditioning

HZ = 16_000


def tone(hz: float, seconds: float = 1.0, amplitude: float = 0.2):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * HZ)) / HZ)).astype(
        np.float32
    )


def hiss(seconds: float, amplitude: float = 0.02, seed: int = 1):
    dice = np.random.default_rng(seed)
    return (amplitude * dice.standard_normal(round(seconds * HZ))).astype(np.float32)


def db(signal) -> float:
    return 10 * np.log10(np.mean(np.asarray(signal, np.float64) ** 2) + 1e-15)


def middle(signal):
    return signal[len(signal) // 4 : -len(signal) // 4]


def changed_db(step, hz: float) -> float:
    return db(middle(step(tone(hz), HZ))) - db(middle(tone(hz)))


def test_an_offset_is_taken_out():
    assert abs(filters.remove_dc(tone(440) + np.float32(0.1)).mean()) < 1e-6


@pytest.mark.parametrize(
    ("step", "kept_hz", "gone_hz"),
    [(filters.high_pass, 300, 30), (filters.low_pass, 3000, 7900)],
)
def test_a_filter_keeps_the_voice_and_removes_what_is_beyond(step, kept_hz, gone_hz):
    assert abs(changed_db(step, kept_hz)) < 0.5
    assert changed_db(step, gone_hz) < -12


@pytest.mark.parametrize(
    ("step", "edge_hz", "kind"),
    [(filters.high_pass, 100, "highpass"), (filters.low_pass, 7000, "lowpass")],
)
def test_a_filter_is_a_butterworth_run_forwards_and_backwards(step, edge_hz, kind):
    noise = hiss(1)
    wanted = sosfiltfilt(butter(2, edge_hz, kind, fs=HZ, output="sos"), noise)
    assert db(middle(step(noise, HZ) - wanted)) < db(noise) - 100
    assert db(step(noise, HZ) - wanted) < db(noise) - 20, "the ends are mirrored, too"


def test_the_low_pass_leaves_a_rate_alone_that_cannot_carry_its_edge():
    narrow = tone(1000)
    assert filters.low_pass(narrow, 8000) is narrow


def test_consonants_are_raised_and_vowels_left():
    assert changed_db(filters.emphasise_speech, 1700) == pytest.approx(filters.EMPHASIS_DB, abs=0.5)
    assert abs(changed_db(filters.emphasise_speech, 200)) < 0.3


def test_gain_control_brings_soft_and_loud_stretches_together():
    both = np.concatenate([tone(440, 2, 0.05), tone(440, 2, 0.3)])
    out = levels.control_gain(both, HZ)
    soft, loud = db(out[HZ // 2 : HZ]), db(out[3 * HZ : 3 * HZ + HZ // 2])
    assert abs(soft - loud) < 1.5
    assert soft == pytest.approx(levels.TARGET_DB, abs=1.5)


def test_gain_control_does_not_raise_pauses_to_voices():
    quiet = hiss(2, 1e-4)
    out = levels.control_gain(np.concatenate([tone(440, 1, 0.1), quiet]), HZ)
    assert db(out[2 * HZ :]) < db(quiet) + 3


def test_the_peak_is_normalised_and_silence_stays_silent():
    assert np.abs(levels.normalise_peak(tone(440, 1, 0.03))).max() == pytest.approx(levels.PEAK)
    assert not levels.normalise_peak(np.zeros(100, np.float32)).any()


def test_clipping_is_prevented_and_what_is_lower_left_alone():
    loud = levels.prevent_clipping(tone(440, 1, 2.0))
    assert np.abs(loud).max() <= 1
    soft = tone(440, 1, 0.5)
    assert np.array_equal(levels.prevent_clipping(soft), soft)


@pytest.mark.parametrize("length", [512, 513, 639, 640, HZ])
def test_what_was_taken_apart_comes_together_again(length):
    whole = hiss(1)[:length]
    again = sound(spectra(whole, 512), 512)
    assert 0 <= len(again) - length < 128
    assert again[:length] == pytest.approx(whole, abs=1e-6)


def test_a_tone_has_half_its_amplitude_in_its_part_of_the_spectrum():
    parts = np.abs(spectra(tone(1000, amplitude=0.2), 512))
    assert middle(parts[:, 1000 * 512 // HZ]) == pytest.approx(0.1, rel=1e-3)


def test_noise_is_suppressed_and_the_voice_kept():
    noise = hiss(1.5, seed=2)
    noisy = np.concatenate([hiss(1), tone(800, 1, 0.1) + hiss(1, seed=3), hiss(1, seed=4)])
    out = suppress_noise(noisy, noise, HZ)
    assert len(out) == len(noisy)
    assert db(out[: HZ // 2]) < db(noisy[: HZ // 2]) - 15
    voice = slice(HZ + HZ // 4, 2 * HZ - HZ // 4)
    assert abs(db(out[voice]) - db(tone(800, 1, 0.1))) < 0.5


@pytest.mark.parametrize("noise", [hiss(0.1), np.zeros(0, np.float32)])
def test_without_noise_learnt_nothing_is_suppressed(noise):
    noisy = tone(440)
    assert suppress_noise(noisy, noise, HZ) is noisy


def test_a_line_of_zeros_divides_nothing_by_nothing():
    out = suppress_noise(tone(440), np.zeros(HZ, np.float32), HZ)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("length", [0, 1, 63, 400, HZ])
def test_every_step_takes_every_length_silent_or_loud(step, length):
    noise = (hiss(1) * 32768).astype(np.int16)
    for samples in (np.zeros(length, np.int16), np.full(length, -32768, np.int16)):
        out = condition(samples, noise, HZ, [step])
        assert out.dtype == np.int16
        assert len(out) == length


def test_without_steps_the_samples_come_back_as_they_are():
    samples = np.arange(100, dtype=np.int16)
    assert condition(samples, samples, HZ, ()) is samples


def test_the_steps_run_in_one_order_whatever_order_they_are_asked_for_in():
    loud = (tone(440, 1, 0.9) * 32767).astype(np.int16)
    steps = [Step.PEAK_NORMALISATION, Step.HIGH_PASS, Step.CLIP_PREVENTION]
    assert np.array_equal(condition(loud, loud, HZ, steps), condition(loud, loud, HZ, steps[::-1]))


def test_only_a_noisy_utterance_is_conditioned_and_only_by_what_is_allowed():
    allowed = [Step.CLIP_PREVENTION, Step.NOISE_SUPPRESSION]
    assert choose(allowed, 13, 13.0, steady_noise=True) == ()
    noisy = choose(allowed, 13, 12.9, steady_noise=True)
    assert noisy == (Step.NOISE_SUPPRESSION, Step.CLIP_PREVENTION)
    assert choose(allowed, 13, 12.9, steady_noise=False) == (Step.CLIP_PREVENTION,)
    assert choose([], 13, 0.0, steady_noise=True) == ()


def test_the_configuration_knows_every_step_and_no_other():
    assert Conditioning(steps=[step.value for step in Step]).steps == list(Step)
    with pytest.raises(ValueError, match="noise_suppression"):
        Conditioning(steps=["magic"])


def test_signal_to_noise_is_told_by_the_noise_that_was_learnt_where_there_is_some():
    quality = Quality(snr_db=30, level_db=-20, flatness=0.1, clipped=0)
    noise = (np.random.default_rng(1).standard_normal(48_000) * 32768 * 10 ** (-32 / 20)).astype(
        np.int16
    )
    assert snr_over(quality, noise) == pytest.approx(12, abs=0.2)
    assert snr_over(quality, noise[:100]) == 30


def test_a_hiss_is_steady_and_voices_are_not():
    noise = np.random.default_rng(1).normal(0, 300, HZ)
    swell = 10 ** (np.sin(np.arange(HZ) / HZ * 2 * np.pi * 3) * 4 / 20)
    assert steady(noise.astype(np.int16), HZ)
    assert not steady((noise * swell).astype(np.int16), HZ)
    assert not steady(np.zeros(0, np.int16), HZ)
