"""The turns of two runs of the same call, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from bot.calls.replay.what_if import Story
from bot.engine.actions import Action, Mark, NoteBot, NoteCaller, NoteDecision, NoteMark

SAME_S = 0.021  # one tick: a result may have come a moment earlier or later
NEAR_S = 0.6  # speech that ended, or a bot that began, so close together is the same

Verdict = Literal["same", "differs", "gone", "new"]


@dataclass(slots=True)
class TurnTold:
    """One turn of one run. Times are seconds of media time since the answer."""

    turn: int
    speech_end: float | None = None
    ended_at: float | None = None  # when the silence was long enough
    first_audio_at: float | None = None
    caller: str = ""
    reply: str = ""
    heard: str = ""
    interrupted: bool = False
    decisions: list[str] = field(default_factory=list)  # about interruptions, in order

    @property
    def wait_ms(self) -> float | None:
        """From the caller's last speech to the bot's first."""
        if self.speech_end is None or self.first_audio_at is None:
            return None
        return (self.first_audio_at - self.speech_end) * 1000

    @property
    def led_at(self) -> float | None:
        """When the bot began by itself; None when it answers."""
        return self.first_audio_at if self.speech_end is None else None

    @property
    def outcome(self) -> str:
        """What became of interruptions."""
        words = [each.removeprefix("barge-in ") for each in self.decisions]
        if self.interrupted and "committed" not in words:
            words.append("interrupted" if self.heard else "never heard")
        return ", ".join(words)

    @property
    def empty(self) -> bool:
        """Did nothing happen in it that anybody heard?"""
        return not (self.caller or self.reply or self.ended_at is not None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A turn as it was and as it would be."""

    then: TurnTold | None
    now: TurnTold | None
    verdict: Verdict
    changed: tuple[str, ...]  # "end", "start", "caller", "reply", "heard", "interruption"
    guess: bool  # the tape could not answer everything by then


def turns_of(did: Iterable[tuple[float, Action]]) -> list[TurnTold]:
    """The turns in what an engine did, in order, those left out in which nothing happened."""
    turns: dict[int, TurnTold] = {}
    for _, action in did:
        match action:
            case NoteMark(turn, mark, at):
                _note_mark(turns.setdefault(turn, TurnTold(turn)), mark, at)
            case NoteCaller(turn, _, text):
                turns.setdefault(turn, TurnTold(turn)).caller = text
            case NoteBot(turn, reply, heard, interrupted):
                told = turns.setdefault(turn, TurnTold(turn))
                told.reply, told.heard, told.interrupted = reply, heard, interrupted
            case NoteDecision(turn, what) if what.startswith("barge-in"):
                turns.setdefault(turn, TurnTold(turn)).decisions.append(what)
    return [turns[turn] for turn in sorted(turns) if not turns[turn].empty]


def _note_mark(told: TurnTold, mark: Mark, at: float) -> None:
    match mark:
        case Mark.SPEECH_END:
            told.speech_end = at
        case Mark.TURN_END:
            told.ended_at = at
        case Mark.FIRST_AUDIO_OUT:
            told.first_audio_at = at


def compare(then: Story, now: Story) -> list[Pair]:
    """Each turn of either run beside its like in the other."""
    pairs = []
    guess = False
    for one, other in _aligned(turns_of(then.did), turns_of(now.did)):
        if other is not None and now.guess_from is not None:
            guess = guess or other.turn >= now.guess_from.turn
        changed = _changed(one, other)
        verdict: Verdict = "differs" if changed else "same"
        if one is None or other is None:
            verdict = "new" if one is None else "gone"
        pairs.append(Pair(one, other, verdict, changed, guess))
    return pairs


def median_wait_ms(turns: Iterable[TurnTold | None]) -> float | None:
    waits = [each.wait_ms for each in turns if each is not None and each.wait_ms is not None]
    return median(waits) if waits else None


def _changed(then: TurnTold | None, now: TurnTold | None) -> tuple[str, ...]:
    if then is None or now is None:
        return ()
    same = {
        "end": _near(then.ended_at, now.ended_at),
        "start": _near(then.first_audio_at, now.first_audio_at),
        "caller": then.caller == now.caller,
        "reply": then.reply == now.reply,
        "heard": then.heard == now.heard,
        "interruption": then.outcome == now.outcome,
    }
    return tuple(name for name, is_same in same.items() if not is_same)


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= SAME_S


def _aligned(
    then: Sequence[TurnTold], now: Sequence[TurnTold]
) -> list[tuple[TurnTold | None, TurnTold | None]]:
    """Both in order, like beside like, so that as much as possible is alike."""
    best: dict[tuple[int, int], float] = {}
    for i in range(len(then) - 1, -1, -1):
        for j in range(len(now) - 1, -1, -1):
            both = _likeness(then[i], now[j])
            both = both + best.get((i + 1, j + 1), 0.0) if both else 0.0
            best[i, j] = max(both, best.get((i + 1, j), 0.0), best.get((i, j + 1), 0.0))
    rows: list[tuple[TurnTold | None, TurnTold | None]] = []
    i = j = 0
    while i < len(then) and j < len(now):
        like = _likeness(then[i], now[j])
        if like and best[i, j] == like + best.get((i + 1, j + 1), 0.0):
            rows.append((then[i], now[j]))
            i, j = i + 1, j + 1
        elif best.get((i + 1, j), 0.0) >= best.get((i, j + 1), 0.0):
            rows.append((then[i], None))
            i += 1
        else:
            rows.append((None, now[j]))
            j += 1
    return [*rows, *((each, None) for each in then[i:]), *((None, each) for each in now[j:])]


def _likeness(one: TurnTold, other: TurnTold) -> float:
    """How much two turns have in common; 0 when they are not the same turn."""
    like = 0.0
    for then, now in ((one.speech_end, other.speech_end), (one.led_at, other.led_at)):
        if then is not None and now is not None:
            like += 4.0 if abs(then - now) <= NEAR_S else -2.0
    if one.caller or other.caller:
        like += 2.0 if one.caller == other.caller else -1.0
    if one.reply or other.reply:
        like += 1.0 if one.reply == other.reply else -0.5
    return max(like, 0.0)
