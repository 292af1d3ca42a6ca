"""What happened in one call, into its record: the engine's notes, the line's events, who worked.

Times of the record are those of the wire, so the leg's delays are reckoned in here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import structlog

from bot.calls.clock import MediaClock
from bot.calls.own_tools import CallerMessage
from bot.calls.scoring import ScoreKeeper
from bot.calls.tape import Engine
from bot.calls.taps import LOOK_EVERY, Tap
from bot.calls.toolbox import Outcome
from bot.engine import actions as do
from bot.errors import ProviderError
from bot.legs.base import Digit, Hold, Leg, LegEvent, MediaChanged
from bot.persona import Persona
from bot.providers.names import Kind
from bot.providers.trail import Trail
from bot.store.detours import PROVIDER
from bot.store.messages import TOOL
from bot.store.recorder import CallLog, TurnColumns

log = structlog.get_logger(__name__)


class Bookkeeper:
    """One per call."""

    def __init__(
        self,
        call_id: str,
        persona: Persona,
        records: CallLog,
        clock: MediaClock,
        leg: Leg,
        tap: Tap | None = None,
    ) -> None:
        self._call_id, self._records = call_id, records
        self._clock, self._leg, self._tap = clock, leg, tap
        self._score = ScoreKeeper(persona, partial(records.answer, call_id))

    # ---- the engine's notes

    def note(self, action: do.Action) -> None:
        self._score.note(action)
        at = self._clock.tick_at
        match action:
            case do.NoteMark(turn, mark, at):
                at = self._on_the_wire(mark, at)
                self._records.mark(self._call_id, turn, mark, at)
            case do.NoteCaller(turn, utterance_id, text):
                self.turn(turn, utterance_id=utterance_id, caller_text=text)
            case do.NoteBot(turn, reply, heard, interrupted):
                self.turn(turn, reply_text=reply, bot_heard=heard, interrupted=interrupted)
            case do.NoteState(turn, state, was, why, at):
                self._event(at, "state", turn=turn, state=state, was=was, why=why)
            case do.NoteDecision(turn, what, why, at):
                self._event(at, "decision", turn=turn, what=what, why=why)
        if self._tap is not None and isinstance(action, do.Note):
            self._tap.noted(action, at)

    def _on_the_wire(self, mark: do.Mark, at: float) -> float:
        """The engine hears audio late and its voice leaves late."""
        if mark is do.Mark.SPEECH_END:
            return at - self._leg.delays.inbound
        if mark is do.Mark.FIRST_AUDIO_OUT:  # its frame has just been written
            return self._clock.now + self._leg.delays.outbound
        return at

    # ---- the line

    def answered(self) -> None:
        self._records.answered(self._call_id, datetime.now(UTC), self._leg.info.codec)
        if self._tap is not None:
            self._tap.answered()

    def glimpsed(self, engine: Engine) -> None:
        """Let an onlooker look, now and then."""
        if self._tap is not None and self._clock.ticks % LOOK_EVERY == 0:
            self._tap.glimpsed(engine.glimpse(), self._clock.tick_at)

    def line(self, event: LegEvent) -> None:
        at = self._clock.tick_at
        if self._tap is not None:
            self._tap.line(event, at)
        match event:
            case Digit(digit, method):
                self._event(at, "digit", digit=digit, method=method)
            case Hold(on):
                self._event(at, "hold" if on else "unhold")
            case MediaChanged(codec, codec_hz):
                self._event(at, "codec", codec=codec, hz=codec_hz)

    def line_work(self, kind: str, detail: dict[str, object]) -> None:
        """What was done to the line besides voice."""
        self._event(self._clock.now, kind, **detail)

    # ---- who worked, and how

    def turn(self, turn: int, **columns: object) -> None:
        """Columns of the turns table, see TurnColumns."""
        self._records.turn(self._call_id, turn, **columns)  # type: ignore[arg-type]

    def took(self, turn: int, kind: Kind, name: str, seconds: float) -> None:
        columns: TurnColumns = {f"{kind}_took_ms": seconds * 1000, kind: name}  # type: ignore[misc]
        self._records.turn(self._call_id, turn, **columns)

    def detoured(self, turn: int, kind: Kind, trail: Trail) -> None:
        after = [{"provider": each.provider, "code": each.code} for each in trail.misses]
        self._event(
            self._clock.now, PROVIDER, turn=turn, what=kind, answered=trail.answered, after=after
        )
        log.warning(
            "providers failed", call=self._call_id, turn=turn, what=kind,
            answered=trail.answered, after=[str(each) for each in trail.misses],
        )  # fmt: skip

    def provider_failed(self, turn: int, error: ProviderError) -> None:
        """The record may hold a vendor's message; a log may not, it could quote the caller."""
        log.warning(
            "no answer", call=self._call_id, turn=turn, provider=error.provider, code=error.code
        )
        self._records.turn(self._call_id, turn, error=str(error))

    def tool_used(
        self, turn: int, name: str, arguments: str, outcome: Outcome, seconds: float
    ) -> None:
        self._event(
            self._clock.now, TOOL, turn=turn, name=name, arguments=arguments, why=outcome.why,
            result=outcome.result, took_ms=round(seconds * 1000, 1),
        )  # fmt: skip
        log.info("tool used", call=self._call_id, turn=turn, why=outcome.why or "worked")

    def message_taken(self, message: CallerMessage) -> None:
        self._records.message(
            self._call_id, datetime.now(UTC), message.turn,
            text=message.text, name=message.name, number=message.number,
        )  # fmt: skip

    def _event(self, at: float, kind: str, **detail: object) -> None:
        self._records.event(self._call_id, at * 1000, kind, **detail)
