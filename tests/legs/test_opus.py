"""Opus alone: as loud as before, as late as told, and not to be stopped by rubbish."""

import av
import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.legs.opus import LOOKAHEAD_S, OpusDecoder, OpusEncoder

SEED = 3


def tone(count: int, hz: float, peak: float = 8000) -> np.ndarray:
    at = np.arange(count * FRAME_SAMPLES) / BUS_HZ
    return np.rint(peak * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def encoded(sound: np.ndarray) -> list[bytes]:
    encoder = OpusEncoder()
    return [bytes(encoder.encode(each.tobytes())) for each in sound.reshape(-1, FRAME_SAMPLES)]


def through(sound: np.ndarray) -> np.ndarray:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(each) for each in encoded(sound)])


@pytest.mark.parametrize("hz", [200, 440, 1000, 3000, 6000])
@pytest.mark.parametrize("peak", [500, 8000, 30_000])
def test_a_tone_is_as_loud_as_before(hz, peak):
    sound = tone(100, hz, peak)
    heard = through(sound)
    assert len(heard) == len(sound)
    assert level_db(heard[BUS_HZ // 2 :]) == pytest.approx(level_db(sound), abs=0.3)


def test_the_delay_is_the_one_told():
    """Of noise, where one lag alone fits."""
    dice = np.random.default_rng(SEED)
    white = np.fft.rfft(dice.normal(0, 1, 60 * FRAME_SAMPLES))
    white[int(4000 / BUS_HZ * 60 * FRAME_SAMPLES) :] = 0  # what a voice has
    sound = np.fft.irfft(white)
    sound = np.rint(sound / np.abs(sound).max() * 12_000).astype(np.int16)
    heard = through(sound).astype(float)
    most = 2 * FRAME_SAMPLES
    part = sound[most:-most].astype(float)
    alike = [part @ heard[most + lag : most + lag + len(part)] for lag in range(most)]
    assert int(np.argmax(alike)) / BUS_HZ == pytest.approx(LOOKAHEAD_S, abs=0.0005)


def test_packets_are_counted_in_samples_and_small():
    encoder = OpusEncoder()
    made = [encoder.encode(each.tobytes()) for each in tone(100, 440).reshape(-1, FRAME_SAMPLES)]
    assert [packet.pts for packet in made] == list(range(0, 100 * FRAME_SAMPLES, FRAME_SAMPLES))
    assert sum(len(bytes(packet)) for packet in made) * 8 / 2 < 50_000  # bits a second


def test_rubbish_never_raises_and_never_ends_the_stream():
    """Whatever a stranger sends between them, real packets are heard as real packets are."""
    dice = np.random.default_rng(SEED)
    sound = tone(400, 440)
    decoder, heard = OpusDecoder(), []
    for packet in encoded(sound):
        for rubbish in (
            b"",
            bytes(dice.integers(0, 256, dice.integers(1, 1400), dtype=np.uint8)),
            packet[: dice.integers(0, len(packet))],
            bytes([dice.integers(0, 256)]) + packet,
        ):
            made = decoder.decode(rubbish)
            assert made is None or 0 < len(made) <= BUS_HZ * 120 // 1000
        real = decoder.decode(packet)
        assert real is not None and len(real) == FRAME_SAMPLES
        heard.append(real)
    calm = [decoder.decode(packet) for packet in encoded(sound)]  # nothing of it stays
    assert level_db(np.concatenate(calm[50:])) == pytest.approx(level_db(sound), abs=0.3)


def test_stereo_is_mixed_down():
    codec = av.CodecContext.create("libopus", "w")
    codec.format, codec.layout, codec.sample_rate = "s16", "stereo", BUS_HZ
    decoder, heard = OpusDecoder(), []
    sound = tone(100, 440)
    for number, each in enumerate(sound.reshape(-1, FRAME_SAMPLES)):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=FRAME_SAMPLES)
        frame.planes[0].update(np.repeat(each, 2).tobytes())
        frame.sample_rate, frame.pts = BUS_HZ, number * FRAME_SAMPLES
        heard += [decoder.decode(bytes(packet)) for packet in codec.encode(frame)]
    assert {len(each) for each in heard} == {FRAME_SAMPLES}
    assert level_db(np.concatenate(heard[30:])) == pytest.approx(level_db(sound), abs=0.3)
