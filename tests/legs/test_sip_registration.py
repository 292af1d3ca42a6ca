"""When a trunk registers next: fail-over, redirects, pauses. No clock, no network."""

from itertools import pairwise

import pytest

from bot.legs.sip_registration import MOST_MOVES, Pauses, Registration, Standing

PAUSES = Pauses(answer=8, first=5, last=300, refused_first=60, refused_last=3600)


def made(*servers, jitter=lambda: 0.0):
    return Registration(servers or ("a",), PAUSES, jitter)


def test_it_registers_at_once_and_again_when_there_is_time_for_another_server():
    at = made("a", "b")
    assert at.due(0) and not at.due(0)
    at.answered(200, 0, expires_s=300)
    assert at.standing is Standing.REGISTERED
    assert not at.due(179) and at.due(180) and at.server == "a"
    assert at.standing is Standing.REGISTERED
    assert at.due(188) and at.server == "b", "the first one is silent"


def test_a_silent_server_is_given_up_for_the_next_one():
    at = made("a", "b")
    assert at.due(0) and at.server == "a"
    assert not at.due(7.9)
    assert at.due(8) and at.server == "b" and at.standing is Standing.UNREACHABLE
    at.answered(200, 8.1)
    assert at.standing is Standing.REGISTERED and at.server == "b"


@pytest.mark.parametrize("code", [408, 480, 500, 503, 603, 0])
def test_a_server_that_cannot_serve_is_left_for_the_next_one(code):
    at = made("a", "b")
    at.due(0)
    at.answered(code, 1)
    assert at.due(1) and at.server == "b"


def test_pauses_grow_when_all_servers_had_their_turn():
    at, now, asked = made("a", "b"), 0.0, []
    while len(asked) < 20:
        while not at.due(now):
            now += 1
        asked.append((now, at.server))
        at.answered(503, now)
    assert [server for _, server in asked[:4]] == ["a", "b", "a", "b"]
    gaps = [after[0] - before[0] for before, after in pairwise(asked)]
    assert set(gaps[::2]) == {0}, "the second one is asked at once"
    assert gaps[1::2][:6] == [5, 10, 20, 40, 80, 160] and set(gaps[1::2][6:]) == {300}


@pytest.mark.parametrize("code", [401, 403, 404, 407])
def test_a_refusal_is_no_reason_to_ask_the_next_server_nor_to_ask_soon(code):
    at = made("a", "b")
    at.due(0)
    at.answered(code, 0)
    assert at.standing is Standing.REFUSED and at.code == code and at.server == "a"
    assert not at.due(59) and at.due(60)
    at.answered(code, 60)
    assert not at.due(60 + 119) and at.due(60 + 120)


def test_the_longest_pause_after_refusals_is_an_hour():
    at, now = made(), 0.0
    for _ in range(30):
        now += 3600
        assert at.due(now)
        at.answered(403, now)
    assert not at.due(now + 3599)


def test_bots_that_were_refused_together_do_not_come_back_together():
    soon, late = made(jitter=lambda: 0.0), made(jitter=lambda: 1.0)
    for at in (soon, late):
        at.due(0)
        at.answered(403, 0)
    assert soon.due(60) and not late.due(71) and late.due(72)


def test_a_redirect_is_followed_at_once_and_the_list_is_taken_up_again_when_it_dies():
    at = made("a", "b")
    at.due(0)
    at.answered(302, 1, moved_to="c:5080")
    assert at.due(1) and at.server == "c:5080"
    at.answered(200, 2)
    assert at.standing is Standing.REGISTERED
    at.answered(503, 100)
    assert at.due(100) and at.server == "a"


def test_redirects_in_a_circle_end_as_a_failure():
    at = made("a")
    for _ in range(MOST_MOVES + 1):
        assert at.due(0)
        at.answered(302, 0, moved_to="a")
    assert at.standing is Standing.UNREACHABLE and not at.due(4.9) and at.due(5)


def test_success_forgets_earlier_failures():
    at, now = made(), 0.0
    for _ in range(4):
        now += 400
        assert at.due(now)
        at.answered(503, now)
    now += 400
    at.due(now)
    at.answered(200, now)
    at.answered(503, now)  # a refresh
    assert not at.due(now + 4.9) and at.due(now + 5)
