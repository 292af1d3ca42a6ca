"""The barge-in policy on its own: facts in, moves out."""

from __future__ import annotations

import pytest

from bot.engine.barge_in import BEHAVIOURS, BargeIn, Move, numbers_of
from bot.engine.segmenter import Utterance
from bot.persona import BargeInSettings

TICK = 0.02


class Scene:
    """Speech and silence over a bot that has been speaking for a while."""

    def __init__(self, **settings: object) -> None:
        self.policy = BargeIn(BargeInSettings(**settings))  # type: ignore[arg-type]
        self.now = 10.0
        self.utterance: Utterance | None = None
        self.moves: list[tuple[float, Move]] = []

    def speak(self, seconds: float) -> Scene:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            if self.utterance is None:
                self.utterance = Utterance("u", self.now - TICK, self.now, 0.0)
            self.utterance.speech_s += TICK
            self.utterance.speech_end = self.now
            self._look()
        return self

    def quiet(self, seconds: float) -> Scene:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            self._look()
        return self

    def _look(self) -> None:
        self._done(self.policy.consider(self.utterance, 5.0, self.now))

    def words(self, text: str) -> Move:
        assert self.utterance is not None
        return self._done(self.policy.verdict(text, self.utterance, self.now))

    def _done(self, move: Move) -> Move:
        """As the engine does: what is decided is forgotten, what is in doubt is kept."""
        if move is not Move.NOTHING:
            self.moves.append((self.now - 10.0, move))
        if move in (Move.RESUME, Move.FORGET, Move.COMMIT) and not self.policy.judging:
            self.utterance = None
        return move

    def done(self) -> list[Move]:
        return [move for _, move in self.moves]


def test_sustained_speech_pauses_then_is_looked_at() -> None:
    scene = Scene().speak(0.44)
    assert scene.done() == [Move.PAUSE, Move.CHECK]
    assert scene.moves[0][0] == pytest.approx(0.12) and scene.moves[1][0] == pytest.approx(0.4)


def test_the_first_look_acts_on_stop_words_only() -> None:
    scene = Scene().speak(0.44)
    assert scene.words("What about") is Move.NOTHING
    scene.speak(0.2)
    assert scene.done()[-1] is Move.CHECK
    assert scene.words("What about Sunday?") is Move.COMMIT and scene.policy.why == "question"
    scene = Scene().speak(0.44)
    assert scene.words("Stop.") is Move.COMMIT and scene.policy.why == "stop word"


@pytest.mark.parametrize("text", ["", "Mhm.", "Yeah.", "in a month.", "Okay."])
def test_a_short_sound_resumes_soon(text: str) -> None:
    scene = Scene().speak(0.36)
    scene.quiet(0.22)
    assert scene.done()[-1] is Move.CHECK
    assert scene.words(text) is Move.RESUME and not scene.policy.judging
    assert scene.now - 10.0 - 0.12 <= 0.5


def test_a_lone_no_takes_the_floor_however_short() -> None:
    scene = Scene().speak(0.3).quiet(0.22)
    assert scene.words("No,") is Move.COMMIT and scene.policy.why == "correction"


def test_a_look_that_saw_all_of_it_is_enough() -> None:
    scene = Scene().speak(0.4)
    assert scene.words("Mhm.") is Move.NOTHING
    scene.quiet(0.22)
    assert scene.done() == [Move.PAUSE, Move.CHECK, Move.RESUME]


def test_a_long_back_channel_does_not_keep_the_bot_silent() -> None:
    scene = Scene().speak(0.4)
    scene.words("Okay.")
    scene.speak(0.22)
    assert scene.words("Okay, okay, okay.") is Move.RESUME


def test_noise_that_goes_on_is_no_interruption() -> None:
    scene = Scene().speak(0.4)
    scene.words("")
    scene.speak(0.22)
    assert scene.words("") is Move.RESUME and scene.policy.why == "no words"
    for _ in range(40):
        if scene.policy.checking:
            assert scene.words("") in (Move.NOTHING, Move.FORGET)
        scene.speak(0.2)
    assert Move.COMMIT not in scene.done()


def test_words_that_come_clear_after_the_bot_went_on_still_take_the_floor() -> None:
    scene = Scene().speak(0.4)
    scene.words("")
    scene.speak(0.22)
    assert scene.words("") is Move.RESUME and scene.policy.doubting and not scene.policy.pausing
    scene.speak(0.2)
    assert scene.done()[-1] is Move.CHECK, "looked at while the bot speaks"
    assert scene.words("Go back to the beginning") is Move.COMMIT


def test_a_sound_that_stays_nothing_is_forgotten_without_another_pause() -> None:
    scene = Scene().speak(0.4)
    scene.words("")
    scene.speak(0.22)
    scene.words("")
    scene.speak(0.1).quiet(0.3)
    assert scene.done()[-1] is Move.CHECK
    assert scene.words("Right.") is Move.FORGET and not scene.policy.judging
    assert scene.done().count(Move.PAUSE) == 1


def test_the_looks_at_a_long_sound_grow_rare() -> None:
    scene = Scene().speak(0.4)
    for _ in range(400):
        if scene.policy.checking:
            scene.words("")
        if not scene.policy.judging and scene.now > 12:
            break
        scene.speak(0.02)
    assert 3.0 < scene.now - 10.0 <= 8.1
    assert scene.done().count(Move.CHECK) <= 4 + 2 * 7


def test_one_word_said_often_is_one_word() -> None:
    scene = Scene().speak(0.4)
    scene.words("drop it")
    scene.speak(0.22)
    assert scene.words("drop it drop it drop it drop it") is Move.NOTHING


def test_words_of_one_behaviour_and_another() -> None:
    for behaviour, stops in (("aggressive", True), ("balanced", False), ("conservative", False)):
        scene = Scene(behaviour=behaviour).speak(0.4)
        scene.words("")
        scene.speak(0.7)
        assert (scene.words("Appointment") is Move.COMMIT) is stops


def test_numbers_can_be_set_one_by_one() -> None:
    set_ = numbers_of(BargeInSettings(behaviour="conservative", guard_ms=50, min_words=1))
    assert (set_.guard_s, set_.min_words) == (0.05, 1)
    assert set_.check_after_s == BEHAVIOURS["conservative"].check_after_s


def test_a_correction_takes_the_floor() -> None:
    scene = Scene(behaviour="conservative").speak(0.4)
    scene.words("")
    scene.speak(0.7)
    assert scene.words("No, Sunday") is Move.COMMIT and scene.policy.why == "correction"


def test_a_look_that_never_comes_back_is_decided_by_duration() -> None:
    scene = Scene().speak(0.36).quiet(2.0)
    assert scene.done()[-1] is Move.RESUME
    scene = Scene().speak(1.62)
    assert scene.done()[-1] is Move.COMMIT
    late = Utterance("u", 10.0, scene.now, 1.6)
    assert scene.policy.verdict("late", late, scene.now) is Move.NOTHING, "too late to matter"


def test_long_speech_takes_the_floor_whatever_the_words() -> None:
    scene = Scene().speak(0.3)
    for _ in range(9):
        if scene.policy.checking:
            assert scene.words("Appointment") is Move.NOTHING
        scene.speak(0.2)
    assert Move.COMMIT in scene.done()


def test_clicks_do_not_add_up() -> None:
    scene = Scene()
    for _ in range(12):
        scene.speak(0.04).quiet(0.2)
    assert scene.done() == []


def test_the_guard_and_what_ended_in_it() -> None:
    policy = BargeIn(BargeInSettings(guard_ms=1000))
    utterance = Utterance("u", 10.0, 10.5, 0.5)
    assert policy.consider(utterance, 10.0, 10.5) is Move.NOTHING
    assert policy.consider(utterance, 10.0, 11.2) is Move.NOTHING, "it is over long since"


def test_nothing_is_left_of_the_interruption_before() -> None:
    scene = Scene().speak(0.4)
    assert scene.words("Stop.") is Move.COMMIT
    scene.moves = []
    scene.quiet(1.0).speak(0.4)
    assert scene.done() == [Move.PAUSE, Move.CHECK]
