"""The bounded mailbox: order, bounds, counters, silence that is not worth its delay."""

from bot.legs.mailbox import INBOUND_FRAMES, OUTBOUND_FRAMES, QUIET_AHEAD, Mailbox

SILENCE = bytes(8)


def block(number: int) -> bytes:
    return bytes([number]) * 8


def test_a_stalled_reader_gets_the_latest_second_in_order():
    box = Mailbox(SILENCE)
    for number in range(1, INBOUND_FRAMES + 11):
        box.arrived = block(number)
        box.end_tick()
    assert list(box.inbound) == [block(n) for n in range(11, INBOUND_FRAMES + 11)]
    assert box.dropped_in == 10


def test_a_tick_without_audio_is_an_entry_too():
    box = Mailbox(SILENCE)
    box.arrived = block(1)
    box.end_tick()
    box.end_tick()
    assert list(box.inbound) == [block(1), None]


def test_the_oldest_goes_when_too_much_is_written():
    box = Mailbox(SILENCE)
    for number in range(1, OUTBOUND_FRAMES + 4):
        box.put(block(number))
    assert box.next_out() == block(4)
    assert box.dropped_out == 3


def test_silence_waits_behind_two_frames_at_most():
    box = Mailbox(SILENCE)
    for _ in range(10):
        box.put(SILENCE)
    assert len(box.outbound) == QUIET_AHEAD
    assert box.dropped_out == 0
    box.put(block(1))  # speech is never left out
    assert box.outbound[-1] == block(1)


def test_flush_tells_seconds_and_an_empty_queue_is_an_underrun():
    box = Mailbox(SILENCE)
    for number in range(3):
        box.put(block(number + 1))
    assert abs(box.flush() - 0.06) < 1e-9
    assert box.flush() == 0.0
    assert box.next_out() is None
    assert box.underruns == 1
