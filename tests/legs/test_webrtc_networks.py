"""A minute of bad and of good network at the browser's jitter buffer, in simulated time."""

from contextlib import contextmanager

import numpy as np
import pytest

from bot.audio.frame import FRAME_S, FRAME_SAMPLES, level_db
from bot.legs import webrtc_inbound
from tests.legs.test_webrtc_jitter import TONE, Network, packets, stream

COUNT = 3000  # packets: a minute
SETTLED = 100  # frames


@contextmanager
def shortenings(monkeypatch, net: Network):
    """The frames at which 20 ms were left out."""
    at: list[int] = []
    melted = webrtc_inbound._melted

    def noted(first, second):
        at.append(len(net.frames))
        return melted(first, second)

    monkeypatch.setattr(webrtc_inbound, "_melted", noted)
    yield at
    monkeypatch.undo()


def minute(**how) -> list:
    return stream(COUNT, payloads=[TONE[n % len(TONE)] for n in range(COUNT)], **how)


@pytest.mark.parametrize("shape", ["uniform", "exponential", "normal"])
def test_of_what_comes_through_jitter_and_loss_nearly_all_is_heard(shape, monkeypatch):
    """60 ms of jitter and one packet of twenty lost: at most 3 % of the others come too late."""
    dice = np.random.default_rng(4)
    late = {
        "uniform": dice.uniform(0, 0.06, COUNT),
        "exponential": dice.exponential(0.02, COUNT),  # one of twenty later than 60 ms
        "normal": np.abs(dice.normal(0, 0.03, COUNT)),
    }[shape]
    gone = set(np.flatnonzero(dice.random(COUNT) < 0.05))
    net = Network()
    with shortenings(monkeypatch, net) as at:
        net.run(minute(late=lambda n: float(late[n]), drop=gone), COUNT * FRAME_S)
    made_up = sum(net.made_up[SETTLED:])
    lost = len([n for n in gone if n >= SETTLED])
    came = COUNT - SETTLED - lost
    print(f"{shape}: {made_up} made up, {lost} lost, {len(at)} left out")
    assert made_up - lost <= 0.03 * came
    assert len(at) <= 0.005 * COUNT
    assert net.inbound.delay_s < 0.18
    assert net.inbound.jitter.lost == pytest.approx(len(gone), abs=3)


@pytest.mark.parametrize("phase", [0.0, 0.001, 0.005, 0.0099, 0.015, 0.0199])
def test_a_clean_stream_is_never_shortened(phase, monkeypatch):
    """However its packets lie between the ticks, also when the jitter carries them over one."""
    late = np.random.default_rng(5).uniform(-0.005, 0.005, COUNT)
    net = Network()
    with shortenings(monkeypatch, net) as at:
        net.run(minute(late=lambda n: float(late[n]), phase=phase), COUNT * FRAME_S)
    assert len([frame for frame in at if frame >= SETTLED]) <= 1
    assert sum(net.made_up[SETTLED:]) == 0
    assert net.inbound.delay_s < 0.03


@pytest.mark.parametrize("begin", [200, 230, 270])
def test_the_delay_of_a_burst_goes_away_within_seconds(begin):
    """0.6 s nothing, then all at once; where the buffer was in its watching makes no difference."""
    late = {begin + n: (30 - n) * FRAME_S for n in range(30)}
    sent = stream(begin + 1000, late=lambda n: late.get(n, 0.0))
    over = (begin + 30) * FRAME_S
    for seconds, most in ((6.0, 0.12), (13.0, 0.06)):
        net = Network()
        net.run(sent, over + seconds)
        assert net.inbound.delay_s < most
    assert sum(net.made_up[begin + 40 :]) == 0


def more(first: int, count: int) -> list:
    """Later packets of the same stream."""
    whole = stream(first + count)
    return whole[first:]


@pytest.mark.parametrize("late_ms", [0, 30, 60])
def test_the_delay_told_is_the_one_there_is(late_ms):
    """Clicks in silence, sent at known times, against the frames in which they are heard."""
    every, count = 50, 1000
    sound = np.zeros((count, FRAME_SAMPLES), np.int16)
    sound[::every, :96] = 12_000
    sent = packets(sound.reshape(-1))
    late = np.random.default_rng(6).uniform(0, late_ms / 1000, count)
    arrivals = stream(count, late=lambda n: float(late[n]), payloads=sent)
    arrived = {(stamp - 5000) // FRAME_SAMPLES: at for at, _, _, stamp, _ in arrivals}
    net, told = Network(), []
    waiting = sorted(arrivals, key=lambda each: each[0])
    while net.now < count * FRAME_S:
        due = [each for each in waiting if each[0] <= net.now]
        waiting = waiting[len(due) :]
        net.run(due, net.now + FRAME_S / 2)
        told.append(net.inbound.delay_s)
    heard = [n for n, frame in enumerate(net.frames) if frame and level_db_of(frame) > -50]
    firsts = [n for n in heard if n - 1 not in heard]
    waits = []
    for first in firsts:
        number = (
            round(first / every - 0.5) * every if first % every > 20 else first // every * every
        )
        waits.append(first * FRAME_S - arrived[number])
    assert len(waits) >= count // every - 2
    honest = [told[first] for first in firsts]
    assert np.mean(waits[3:]) == pytest.approx(np.mean(honest[3:]), abs=0.006)


def level_db_of(frame: bytes) -> float:
    return level_db(np.frombuffer(frame, np.int16))


def test_a_gap_without_any_packet_is_silence_and_then_audio_at_once():
    """Two seconds of discontinuous transmission: timestamps go on, numbers do not."""
    before, after = stream(100), [
        (at, source, seq - 100, stamp, body) for at, source, seq, stamp, body in more(200, 100)
    ]  # fmt: skip
    net = Network()
    net.run(before + after, 6.0)
    assert all(frame is None for frame in net.frames[110:198])
    assert sum(net.made_up[203:298]) == 0
    assert level_db(net.heard(215, 290)) == pytest.approx(level_db(net.heard(20, 90)), abs=0.3)
    assert net.inbound.delay_s < 0.02
    assert net.inbound.jitter.lost == 0


def test_late_packets_are_left_out_and_counted_once():
    """Ten of two hundred come after their successors were played."""
    late = dict.fromkeys(range(60, 160, 10), 0.31)
    net = Network()
    net.run(stream(200, late=lambda n: late.get(n, 0.0)), 4.1)
    assert sum(net.made_up[2:198]) == pytest.approx(len(late), abs=2)
    assert net.inbound.jitter.received == 200
    assert net.inbound.jitter.lost == 0
    assert net.inbound.delay_s < 0.03


def test_a_network_that_doubles_every_packet_changes_nothing():
    twice = stream(200) + [(at + 0.004, *rest) for at, *rest in stream(200)]
    once, both = Network(), Network()
    once.run(stream(200), 4.0)
    both.run(twice, 4.0)
    assert both.frames == once.frames


def test_the_delay_of_our_own_stall_goes_away_within_seconds():
    """The clock gives up ticks after half a second; what came meanwhile is played late at first."""
    sent = stream(1000)
    net = Network()
    net.run(sent, 4.6)
    net.now += 0.8
    rest = [each for each in sent if each[0] > 4.6 - FRAME_S]
    net.run(rest, 5.4 + 8.0)
    assert net.inbound.delay_s < 0.12
