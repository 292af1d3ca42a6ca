"""The resamplers: level, images, aliases, delay, joints between blocks, rounding."""

import time

import numpy as np
import pytest
from scipy.signal import firwin, kaiserord

from bot.audio.frame import BUS_HZ, level_db
from bot.audio.resample import (
    BANDS_HZ,
    STOP_BAND_DB,
    Downsampler,
    Upsampler,
    design,
    resample_clip,
)

RATES = (8_000, 16_000, 24_000)


def tone(hz: float, rate: int, seconds: float = 1.0, peak: float = 16_000.0) -> np.ndarray:
    return np.rint(peak * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(
        np.int16
    )


def blocks(converter, samples, size):
    return np.concatenate(
        [converter.process(samples[at : at + size]) for at in range(0, len(samples), size)]
    )


def spectrum_db(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Hz and dBFS (sine of full scale is 0) per bin, blackman-harris-like leakage below -100."""
    window = np.blackman(len(samples))
    bins = np.abs(np.fft.rfft(samples * window)) / (window.sum() / 2) / 32768
    return np.fft.rfftfreq(len(samples), 1 / rate), 20 * np.log10(bins + 1e-12)


@pytest.mark.parametrize("rate", RATES)
def test_the_filters_are_those_that_scipy_designs(rate):
    pass_hz, stop_hz = BANDS_HZ[rate]
    needed, beta = kaiserord(STOP_BAND_DB, (stop_hz - pass_hz) / (BUS_HZ / 2))
    count = -(-needed * rate // BUS_HZ) * BUS_HZ // rate
    taps = firwin(count, (pass_hz + stop_hz) / 2, window=("kaiser", beta), fs=BUS_HZ)
    assert design(rate) == pytest.approx(taps, abs=1e-7)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [300, 1000, 3100])
def test_level_is_kept_both_ways(rate, hz):
    up = Upsampler(rate).process(tone(hz, rate))
    down = Downsampler(rate).process(tone(hz, BUS_HZ))
    want = level_db(tone(hz, BUS_HZ))
    assert level_db(up[BUS_HZ // 4 :]) == pytest.approx(want, abs=0.05)
    assert level_db(down[rate // 4 :]) == pytest.approx(want, abs=0.05)


@pytest.mark.parametrize("rate", RATES)
def test_images_are_rejected(rate):
    """A tone of 0.4 of the rate has its first image at 0.6 of it."""
    up = Upsampler(rate).process(tone(rate * 0.4, rate))
    hz, db = spectrum_db(up[BUS_HZ // 4 :], BUS_HZ)
    wanted = db[np.abs(hz - rate * 0.4) < 50].max()
    images = db[hz > rate * 0.55].max()
    assert images - wanted < -70


@pytest.mark.parametrize("rate", RATES)
def test_aliases_are_rejected(rate):
    for hz in (rate * 0.6, rate * 0.75, rate * 0.9):
        down = Downsampler(rate).process(tone(hz, BUS_HZ))
        assert level_db(down[rate // 4 :]) - level_db(tone(hz, BUS_HZ)) < -70


@pytest.mark.parametrize("rate", RATES)
def test_delay_is_the_one_told(rate):
    """The middle of a smooth burst comes out `delay_s` later, up and down."""
    at = 0.1
    for make, source, target in ((Upsampler, rate, BUS_HZ), (Downsampler, BUS_HZ, rate)):
        t = np.arange(int(0.2 * source)) / source
        burst = np.rint(20_000 * np.exp(-(((t - at) / 0.002) ** 2))).astype(np.int16)
        converter = make(rate)
        out = converter.process(burst).astype(float)
        centre = np.dot(out, np.arange(len(out))) / out.sum() / target
        assert centre - at == pytest.approx(converter.delay_s, abs=0.00003)
        assert converter.delay_s < 0.003


@pytest.mark.parametrize("rate", RATES)
def test_blocks_join_without_a_click(rate):
    noise = np.random.default_rng(7).integers(-12_000, 12_000, BUS_HZ).astype(np.int16)
    up = blocks(Upsampler(rate), noise[:rate], rate // 50)
    down = blocks(Downsampler(rate), noise, BUS_HZ // 50)
    assert np.abs(up.astype(int) - Upsampler(rate).process(noise[:rate])).max() <= 1
    assert np.abs(down.astype(int) - Downsampler(rate).process(noise)).max() <= 1


@pytest.mark.parametrize("rate", RATES)
def test_a_block_out_for_every_block_in(rate):
    up, down = Upsampler(rate), Downsampler(rate)
    for ms in (10, 20, 40):
        assert len(up.process(np.zeros(rate * ms // 1000, np.int16))) == BUS_HZ * ms // 1000
        assert len(down.process(np.zeros(BUS_HZ * ms // 1000, np.int16))) == rate * ms // 1000


def test_a_full_scale_square_saturates_and_does_not_wrap():
    square = np.where(np.arange(8_000) // 8 % 2, 32767, -32768).astype(np.int16)
    up = Upsampler(8_000).process(square)
    assert up.max() == 32767 and up.min() == -32768
    wrapped = np.abs(np.diff(up.astype(int))).max() > 40_000
    assert not wrapped


def test_a_constant_keeps_its_value_to_one_step():
    up = Upsampler(16_000).process(np.full(1600, 1000, np.int16))[480:]
    down = Downsampler(16_000).process(np.full(4800, 1000, np.int16))[200:]
    assert np.abs(up.astype(int) - 1000).max() <= 1
    assert np.abs(down.astype(int) - 1000).max() <= 1


def test_odd_rates_and_blocks_are_refused():
    with pytest.raises(ValueError, match="11025"):
        Upsampler(11_025)
    with pytest.raises(ValueError, match="divide"):
        Downsampler(8_000).process(np.zeros(100, np.int16))


@pytest.mark.parametrize(("source", "target"), [(22_050, 48_000), (48_000, 16_000), (8_000, 8_000)])
def test_a_clip_keeps_length_and_level(source, target):
    clip = resample_clip(tone(1000, source), source, target)
    assert clip.dtype == np.int16
    assert abs(len(clip) - target) <= 1
    assert level_db(clip) == pytest.approx(level_db(tone(1000, target)), abs=0.05)
    assert len(resample_clip(clip[:0], target, source)) == 0


def test_time_per_frame_is_told(capsys):
    for rate in RATES:
        up, down = Upsampler(rate), Downsampler(rate)
        small, big = tone(1000, rate, 0.02), tone(1000, BUS_HZ, 0.02)
        took = {"up": [], "down": []}
        for _ in range(300):
            began = time.perf_counter()
            up.process(small)
            between = time.perf_counter()
            down.process(big)
            took["up"].append(between - began)
            took["down"].append(time.perf_counter() - between)
        with capsys.disabled():
            print(
                f"\n{rate} Hz: "
                + ", ".join(
                    f"{way} {np.median(times) * 1e6:.0f} us" for way, times in took.items()
                ),
                end="",
            )
