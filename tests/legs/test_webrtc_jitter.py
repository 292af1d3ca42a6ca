"""A browser's packets over a network that is played: the same arrivals each time, no clock."""

import av
import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_S, FRAME_SAMPLES, level_db
from bot.legs.opus import TIME_BASE, OpusDecoder, OpusEncoder
from bot.legs.webrtc_inbound import Inbound

SSRC = 7
TONE_HZ = 300
PEAK = 8000


def tone(count: int, hz: float = TONE_HZ) -> np.ndarray:
    at = np.arange(count * FRAME_SAMPLES) / BUS_HZ
    return np.rint(PEAK * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def packets(sound: np.ndarray) -> list[bytes]:
    encoder = OpusEncoder()
    return [bytes(encoder.encode(each.tobytes())) for each in sound.reshape(-1, FRAME_SAMPLES)]


TONE = packets(tone(1500))


def longer(frame_ms: int, count: int) -> list[bytes]:
    """The tone in packets of another length."""

    codec = av.CodecContext.create("libopus", "w")
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", BUS_HZ
    codec.time_base = TIME_BASE
    codec.options = {"application": "voip", "frame_duration": str(frame_ms)}
    codec.open()
    size = BUS_HZ * frame_ms // 1000
    made = []
    for number, part in enumerate(
        tone(count * frame_ms // 20 + 1)[: count * size].reshape(-1, size)
    ):
        frame = av.AudioFrame(format="s16", layout="mono", samples=size)
        frame.planes[0].update(part.tobytes())
        frame.sample_rate, frame.time_base, frame.pts = BUS_HZ, TIME_BASE, number * size
        made += [bytes(packet) for packet in codec.encode(frame)]
    return made


class Network:
    """Delivers packets at their times and ticks the receiver, phase 10 ms apart."""

    def __init__(self) -> None:
        self.inbound = Inbound()
        self.now = 0.0
        self.frames: list[bytes | None] = []
        self.made_up: list[bool] = []

    def run(self, arrivals, until: float) -> None:
        """`arrivals`: (time, ssrc, seq, timestamp, payload)."""
        waiting = sorted(arrivals, key=lambda each: each[0])
        while self.now < until:
            while waiting and waiting[0][0] <= self.now:
                at, ssrc, seq, timestamp, payload = waiting.pop(0)
                self.inbound.jitter.add(ssrc, seq % 65536, timestamp % (1 << 32), payload, at)
            frame, lost = self.inbound.frame(self.now)
            self.frames.append(frame)
            self.made_up.append(lost)
            self.now += FRAME_S

    def heard(self, first: int = 0, last: int | None = None) -> np.ndarray:
        empty = bytes(FRAME_SAMPLES * 2)
        return np.frombuffer(b"".join(f or empty for f in self.frames[first:last]), np.int16)


def stream(count: int, *, phase=0.01, late=lambda n: 0.0, drop=(), seq=100, stamp=5000, source=SSRC,
           begin=0.0, payloads=None, step=FRAME_SAMPLES):  # fmt: skip
    sent = payloads or TONE
    return [
        (begin + phase + n * step / BUS_HZ + late(n), source, seq + n, stamp + n * step, sent[n])
        for n in range(count)
        if n not in drop
    ]


def loudest_hz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * BUS_HZ / len(sound))


def steps(sound: np.ndarray) -> float:
    """The largest jump between samples, in those of the tone itself."""
    return float(np.abs(np.diff(sound.astype(float))).max() / (2 * np.pi * TONE_HZ / BUS_HZ * PEAK))


def test_on_a_clean_network_nothing_is_lost_and_nothing_waits_longer_than_a_tick():
    net = Network()
    net.run(stream(300), 6.0)
    assert sum(net.made_up[2:]) == 0
    assert net.inbound.delay_s == pytest.approx(0.01, abs=0.002)
    assert net.inbound.jitter.received == 299 or net.inbound.jitter.received == 300
    assert net.inbound.jitter.lost == 0
    assert level_db(net.heard(20)) == pytest.approx(level_db(tone(50)), abs=0.3)


def test_packets_in_the_wrong_order_are_put_right():
    net = Network()
    dice = np.random.default_rng(1)
    late = dice.uniform(0, 0.05, 400)
    net.run(stream(400, late=lambda n: float(late[n])), 8.0)
    assert sum(net.made_up[50:]) <= 8
    assert loudest_hz(net.heard(50, 350)) == pytest.approx(TONE_HZ, abs=2)


def test_the_delay_grows_with_the_jitter_and_shrinks_when_it_is_over():
    net = Network()
    dice = np.random.default_rng(2)
    late = np.where(np.arange(1500) < 500, dice.exponential(0.02, 1500), 0.0)
    net.run(stream(1500, late=lambda n: float(late[n])), 10.0)
    during = net.inbound.delay_s
    net.run([], 10.0)
    assert 0.02 < during < 0.15
    assert sum(net.made_up[150:500]) < 18  # of 350
    again = Network()
    again.run(stream(1500, late=lambda n: float(late[n])), 30.0)
    assert again.inbound.delay_s < 0.05
    assert sum(again.made_up[520:1490]) == 0


def test_a_stall_is_made_up_for_within_seconds():
    """0.6 s nothing, then all at once."""
    net = Network()
    net.run(stream(600, late=lambda n: max(0.0, (130 - n) * 0.02) if 100 <= n < 130 else 0.0), 12.0)
    assert net.inbound.delay_s < 0.1


@pytest.mark.parametrize("every", [10, 20])
def test_single_losses_are_covered_up(every):
    net = Network()
    gone = set(range(50, 400, every))
    net.run(stream(400, drop=gone), 8.0)
    jitter = net.inbound.jitter
    assert jitter.lost == len(gone)
    assert len(gone) <= sum(net.made_up[2:398]) <= len(gone) + 2
    sound = net.heard(40, 390)
    assert level_db(sound) == pytest.approx(level_db(tone(50)), abs=0.7)
    assert loudest_hz(sound) == pytest.approx(TONE_HZ, abs=2)
    quietest = min(level_db(net.heard(n, n + 1)) for n in range(40, 390))
    assert quietest > level_db(tone(50)) - 7  # the codec itself needs a frame to find back


def test_a_long_gap_fades_to_silence_and_comes_back_without_a_click():
    net = Network()
    net.run(stream(200, drop=range(100, 140)), 4.0)
    assert level_db(net.heard(105, 139)) == -120.0
    assert None in net.frames[105:139]
    assert steps(net.heard(90, 105)) < 3
    assert level_db(net.heard(150, 190)) == pytest.approx(level_db(tone(50)), abs=0.3)


def test_a_browser_that_pauses_its_packets_goes_on_without_new_delay():
    """Discontinuous transmission: timestamps go on, sequence numbers do not."""
    net = Network()
    talk = [s for n, s in enumerate(stream(400)) if not 100 <= n < 300 or n % 20 == 0]
    numbered = [(at, src, 100 + n, stamp, body) for n, (at, src, _, stamp, body) in enumerate(talk)]
    net.run(numbered, 8.0)
    assert net.inbound.jitter.lost == 0
    assert net.inbound.delay_s < 0.02
    assert sum(net.made_up[310:390]) == 0


def test_a_track_that_stood_still_goes_on():
    """Timestamps stand still too, as when a page swaps its microphone."""
    net = Network()
    net.run(stream(100) + stream(100, begin=5.0, seq=200, stamp=5000 + 100 * 960), 7.0)
    assert net.inbound.delay_s < 0.02
    assert sum(net.made_up[260:345]) == 0


@pytest.mark.parametrize("frame_ms", [10, 40, 60])
def test_packets_of_other_lengths(frame_ms):
    count = 4000 // frame_ms
    net = Network()
    size = BUS_HZ * frame_ms // 1000
    net.run(stream(count, payloads=longer(frame_ms, count), step=size), 3.9)
    assert sum(net.made_up[15:180]) == 0
    assert loudest_hz(net.heard(20, 180)) == pytest.approx(TONE_HZ, abs=2)
    assert level_db(net.heard(20, 180)) == pytest.approx(level_db(tone(50)), abs=0.3)


def test_lost_packets_of_sixty_ms_are_covered_up():
    net = Network()
    sent = longer(60, 60)
    net.run(stream(60, payloads=sent, step=2880, drop={20, 40}), 3.5)
    assert 6 <= sum(net.made_up[5:170]) <= 9
    assert loudest_hz(net.heard(20, 60)) == pytest.approx(TONE_HZ, abs=3)


def test_numbers_that_wrap_are_no_gap():
    net = Network()
    net.run(stream(200, seq=65_500, stamp=(1 << 32) - 50_000), 4.0)
    assert sum(net.made_up[2:198]) == 0
    assert net.inbound.jitter.lost == 0


def test_a_new_source_is_heard_at_once():
    net = Network()
    net.run(stream(100) + stream(100, source=9, begin=2.2, seq=9000, stamp=77), 4.0)
    assert sum(net.made_up[115:198]) == 0
    assert net.inbound.jitter.lost == 0


def test_a_second_source_at_the_same_time_is_not_mixed_in():
    net = Network()
    other = packets(tone(200, hz=1000))
    net.run(stream(200) + stream(200, source=9, phase=0.013, payloads=other, stamp=99), 4.0)
    assert sum(net.made_up[2:198]) == 0
    assert loudest_hz(net.heard(10, 190)) == pytest.approx(TONE_HZ, abs=2)


@pytest.mark.parametrize("stamp", [3_000_000_000, 5000])
def test_a_sender_that_sets_its_clock_anew_is_followed(stamp):
    net = Network()
    net.run(stream(200) + stream(200, begin=4.0, seq=300, stamp=stamp), 7.9)
    assert sum(net.made_up[206:390]) == 0
    assert net.inbound.delay_s < 0.05


def test_duplicates_and_rubbish_do_no_harm():
    net = Network()
    sent = stream(200)
    rubbish = [(0.5 + n * 0.02, SSRC, 124 + n, 5000 + (24 + n) * 960, b"") for n in range(3)]
    wild = [(1.0, SSRC, 1, 1, b"\xff\xff\xff"), (1.5, SSRC, 40_000, 1 << 31, b"x")]
    net.run(sent + sent + rubbish + wild, 4.0)
    assert sum(net.made_up[2:198]) <= 6
    assert loudest_hz(net.heard(10, 190)) == pytest.approx(TONE_HZ, abs=2)


def test_a_flood_takes_no_memory():
    net = Network()
    flood = [(1 + n * 1e-5, SSRC, 200 + n, 5000 + (100 + n) * 960, TONE[0]) for n in range(20_000)]
    net.run(stream(50) + flood, 1.5)
    assert len(net.inbound.jitter._waiting) <= 50


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_sender_whose_clock_runs_differently_stays_in_time(drift):
    net = Network()
    net.run(stream(1500, late=lambda n: n * 0.02 * drift * 10), 29.9)  # ten times a bad crystal's
    assert net.inbound.delay_s < 0.05
    assert sum(net.made_up[2:1490]) <= 4


def test_opus_keeps_level_and_refuses_rubbish():
    decoder = OpusDecoder()
    heard = np.concatenate([decoder.decode(each) for each in TONE[:100]])
    assert level_db(heard[9600:]) == pytest.approx(level_db(tone(50)), abs=0.2)
    assert decoder.decode(b"") is None
    assert decoder.decode(b"\xff") is None
    assert decoder.decode(b"\x03" * 3) is None
    assert len(decoder.decode(TONE[100])) == FRAME_SAMPLES
