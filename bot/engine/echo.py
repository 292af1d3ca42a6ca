"""Echo of ourselves: phones and hybrids send our voice back, and no phone cancels that for us.

What we sent is known, so what comes back can be found in what we hear: `echo_finder` tells how
late it is, `echo_path` learns the way it took. What that predicts is taken away; the rest must
stand out of what such a prediction usually leaves over to count as the caller. Transcriptions get
the caller without the echo too (`Utterance.samples`): a few words of ours in front of "stop" are
enough for a transcriber to hear something else.

Until something is known the worst is assumed: an echo 6 dB below our voice, at any delay. One or
two looks without a match, half a second of our speech, take that suspicion away.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from bot.audio.frame import Frame
from bot.audio.vad import Heard
from bot.engine.echo_finder import MAX_DELAY, SAME_PLACE, WINDOW, EchoFinder
from bot.engine.echo_path import SPAN, EchoPath
from bot.engine.echo_signal import HZ, STEP, Decimator, Signal, Tape, level_of

ACTIVE_DB = -45.0  # our output below this leaves no echo worth a look
LOOK_EVERY = 5  # frames: ten looks a second while we speak and do not know the line,
LOOK_AGAIN_EVERY = 25  # two when we do: the caller may put the phone on the table
CLEAN_LOOKS = 2  # looks without a match until the line is taken for free of echo
WORST_LOSS_DB = 6.0  # assumed before anything is known
STANDS_OUT_DB = 12.0  # over what our echo leaves, and the caller is heard
BEST_CANCELLED_DB = 20.0  # more is never counted on
DECAY_DB = 4.0  # a frame: how fast a room's reverberation falls (RT60 of 300 ms)
PASSES = 3  # of a new path over what was heard last, one a tick
NOTHING_EXPLAINED_DB = -3.0  # a first path must account for more than half of what is heard,
BETTER_DB = 3.0  # another one must leave so much less than the one we have
TOO_GOOD_DB = 3.0  # what a path leaves of the very sound it was learnt from
ECHO_FRAMES = 60  # of echo: what the filter left of them is what it will leave,
SURE_FRAMES = 20  # as soon as there are so many
OVER_FLOOR_DB = 6.0  # an echo that stands so far out of the noise tells how well it is cancelled


class EchoGuard:
    """One per call. `sent` once a tick, then `hear`."""

    def __init__(self) -> None:
        self._ours, self._theirs = Decimator(), Decimator()
        self._sent = Tape(2 * WINDOW + MAX_DELAY)
        self._heard = Tape(WINDOW)
        self._loudest: deque[float] = deque(maxlen=MAX_DELAY // STEP + 2)  # our last levels
        self._finder = EchoFinder()
        self._ticks = self._clean_looks = 0
        self._path: EchoPath | None = None  # None: no echo, or none known
        self._learning: EchoPath | None = None  # another one, on trial
        self._passes = 0
        self._left: deque[float] = deque(maxlen=ECHO_FRAMES)  # of an echo by the filter, in dB
        self._left_db = 0.0  # the middle one
        self._tail_db = -120.0
        self.known = False  # has the line been looked at?
        self.echo: Signal | None = None  # of ours in the newest frame, at HZ; None: none known

    @property
    def delay_s(self) -> float | None:
        """From our output to its echo; None without one."""
        return None if self._path is None else self._path.delay / HZ

    @property
    def return_loss_db(self) -> float | None:
        """How much weaker the echo is; None without one."""
        return None if self._path is None else self._path.loss_db

    def sent(self, frame: Frame) -> None:
        """What we put out in this tick."""
        ours = self._ours(frame)
        self._sent.push(ours)
        self._loudest.append(level_of(ours))

    def hear(self, frame: Frame, heard: Heard) -> Heard:
        """The same, less what is only our echo."""
        theirs = self._theirs(frame)
        self._heard.push(theirs)
        self._ticks += 1
        self.echo = None
        loudest = max(self._loudest, default=-120.0)
        if loudest < ACTIVE_DB:
            self._tail_db -= DECAY_DB
            return heard
        self._look_or_learn()
        if not self.known:
            heard = _gated(heard, heard.level_db, loudest - WORST_LOSS_DB - STANDS_OUT_DB)
        if self._path is None:
            return heard
        self.echo = self._path.follow(self._sent.last(SPAN, self._path.ago), theirs)
        return self._less_echo(heard, level_of(self.echo), level_of(theirs - self.echo))

    def _less_echo(self, heard: Heard, echo_db: float, left_db: float) -> Heard:
        """Is what is left more than the filter usually leaves?"""
        self._tail_db = max(echo_db, self._tail_db - DECAY_DB)
        gated = _gated(heard, left_db, self._tail_db + self._left_db)
        if echo_db > max(heard.floor_db + OVER_FLOOR_DB, left_db):  # else somebody else speaks
            self._left.append(max(left_db - echo_db, -BEST_CANCELLED_DB))
            if len(self._left) >= SURE_FRAMES:
                self._left_db = sorted(self._left)[len(self._left) // 2]
        return gated

    # ---- how the line is

    def _look_or_learn(self) -> None:
        """One piece of the work of finding the path; spread over ticks."""
        if self._learning is not None:
            self._learn(self._learning)
        elif self._ticks % (LOOK_AGAIN_EVERY if self.known else LOOK_EVERY) == 0:
            look = self._finder.look(self._heard.last(WINDOW), self._sent.last(WINDOW + MAX_DELAY))
            if look.clean:
                self._clean_looks += 1
                self.known = self.known or self._clean_looks >= CLEAN_LOOKS
            elif look.delay is not None:
                self._clean_looks = 0
                self._try(look.delay)

    def _try(self, delay: int) -> None:
        """Our voice was found there: a path unless it is the one we follow already."""
        if self._path is None or abs(delay - self._path.delay) > SAME_PLACE:
            self._learning, self._passes = EchoPath(delay), 0

    def _learn(self, path: EchoPath) -> None:
        """A pass over what was heard last; after enough of them the better path stays."""
        for sent, heard in self._recent(path):
            path.follow(sent, heard)
        self._passes += 1
        if self._passes < PASSES:
            return
        self._learning = None
        left_db = self._left_by(path)
        enough_db = NOTHING_EXPLAINED_DB
        if self._path is not None:
            enough_db = self._left_by(self._path) - BETTER_DB
        if left_db < enough_db:
            self._path = path
            self._left.clear()
            self._left_db = max(left_db + TOO_GOOD_DB, -BEST_CANCELLED_DB)
            self.known = True

    def _left_by(self, path: EchoPath) -> float:
        """What a path leaves of what was heard last, in dB."""
        left = [heard - path.echo(sent) for sent, heard in self._recent(path)]
        return level_of(np.concatenate(left)) - level_of(self._heard.last(WINDOW))

    def _recent(self, path: EchoPath) -> list[tuple[Signal, Signal]]:
        """What was heard last, frame by frame, each with what we sent for it by this path."""
        heard, sent = self._heard.last(WINDOW), self._sent.last(WINDOW + SPAN - STEP, path.ago)
        starts = range(0, WINDOW, STEP)
        return [(sent[at : at + SPAN], heard[at : at + STEP]) for at in starts]


def _gated(heard: Heard, level_db: float, expected_db: float) -> Heard:
    floor = max(heard.floor_db, expected_db)
    return Heard(heard.speech and level_db > floor + STANDS_OUT_DB, level_db, floor)
