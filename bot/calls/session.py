"""One call: the leg's frames through the engine, its actions to providers, its facts to the record.

leg.frames() ─▶ engine.step ─▶ leg.write, recording
                    ▲  └─ actions ─▶ performer, record
                    └──── results ◀──────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.audio.frame import Frame
from bot.calls.attended import Attended, Dials
from bot.calls.bookkeeping import Bookkeeper
from bot.calls.clock import MediaClock
from bot.calls.conditioning import Conditioner
from bot.calls.hearing import voice_activity
from bot.calls.line_work import LineWork
from bot.calls.performer import Performer
from bot.calls.phrasebook import Phrasebook
from bot.calls.prompt import CallFacts
from bot.calls.tape import Engine, TapedEngine, make_tape
from bot.calls.taps import Tap
from bot.calls.toolbox import Toolbox
from bot.config import Config
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.legs.base import Digit, HangUp, Hold, Leg, LegEvent, MediaChanged
from bot.persona import Persona
from bot.providers.registry import Providers
from bot.store.recorder import CallLog
from bot.store.recording import StereoRecording
from bot.store.tape import tape_path

GRACE_S = 0.5  # chains keep their own deadline, and tell who failed; ours comes after it
CANCEL_ECHO = ("webrtc",)  # legs whose far end does it: every browser, unless it is told not to
NARROW_HZ = 8000  # a codec not told yet is taken for the worst


@dataclass(frozen=True, slots=True)
class CallParts:
    """What a session is made of besides its leg."""

    call_id: str
    config: Config
    persona: Persona
    providers: Providers
    phrases: Phrasebook
    records: CallLog
    recording: StereoRecording | None
    tap: Tap | None = None  # somebody looks on
    dials: Dials | None = None  # who can ring somebody up


class Session:
    """Runs from the answer to the last frame. `end_reason` then tells why it ended."""

    def __init__(self, leg: Leg, parts: CallParts) -> None:
        self._leg, self._parts = leg, parts
        self._clock = MediaClock()
        self._last_tick: tuple[Frame, Frame] | None = None  # in and out, recorded a tick later
        self._inbox: list[told.Input] = []
        self._hang_up_reason: str | None = None
        limits = parts.config.limits
        settings = EngineSettings(
            call_id=parts.call_id,
            persona=parts.persona,
            dead_air_s=limits.dead_air_s,
            max_call_s=limits.max_call_s,
            inbound_delay_s=leg.delays.inbound,
            codec=leg.info.codec,
            codec_hz=leg.info.codec_hz or NARROW_HZ,
            echo_guard=leg.info.kind not in CANCEL_ECHO,
            vad=voice_activity(parts.config.call.vad, leg.info.codec),
        )
        self._engine: Engine = CallEngine(settings)
        if parts.config.call.record_inputs:
            path = tape_path(parts.config.recordings.dir, parts.call_id)
            self._engine = TapedEngine(
                self._engine, make_tape(path, settings, parts.config.call.vad)
            )
        self._conditioner = Conditioner(parts.config.conditioning)
        info = leg.info
        facts = CallFacts(info.called, info.caller, info.caller_name, parts.call_id)
        self._book = book = Bookkeeper(
            parts.call_id, parts.persona, parts.records, self._clock, leg, parts.tap
        )
        self._attended = self._announcer(facts)
        self._line = LineWork(
            leg, self._told, book.line_work, self._attended, parts.persona.tools.attended
        )
        self._performer = Performer(
            parts.persona,
            parts.providers,
            parts.phrases,
            parts.config.ai.timeout_s + GRACE_S,
            tell=self._told,
            took=book.took,
            failed=book.provider_failed,
            prepare=self._conditioner.prepare,
            detour=book.detoured,
            facts=facts,
            toolbox=Toolbox(
                parts.persona,
                facts,
                parts.providers.webhooks,
                tell=self._told,
                note=book.tool_used,
                message=book.message_taken,
            ),
        )

    def _announcer(self, facts: CallFacts) -> Attended | None:
        parts = self._parts
        if parts.dials is None or not parts.persona.tools.attended:
            return None
        return Attended(self._leg, parts.dials, parts.persona, facts, parts.providers.tts)

    @property
    def end_reason(self) -> str:
        if self._hang_up_reason is not None:
            return self._hang_up_reason
        if self._line.transferred_to:
            return f"transferred to {self._line.transferred_to}"
        if self._leg.ended == "caller":
            return "called party hung up" if self._leg.info.outbound else "caller hung up"
        return self._leg.ended or "unknown"

    def ask_to_end(self, reason: str) -> None:
        """Say goodbye at the next tick, then hang up."""
        self._inbox.append(told.EndRequested(reason))

    async def run(self) -> None:
        """The life of an answered call. The leg is hung up and all work stopped when it returns."""
        try:
            async for frame in self._leg.frames():
                self._clock.tick()
                if self._clock.ticks == 1:
                    self._book.answered()
                if self._line.joined:
                    self._listen_in(frame)
                else:
                    self._talk(frame)
                if self._hang_up_reason is not None or self._line.transferred_to:
                    await self._leg.hang_up(HangUp.NORMAL)
        finally:
            self._record_last_tick()
            for action in self._engine.finish(self._clock.tick_at):
                self._book.note(action)
            await self._leg.hang_up(HangUp.NORMAL)
            await self._line.close()
            await self._performer.close()

    def _talk(self, frame: Frame) -> None:
        """One tick of the bot's own conversation."""
        inputs, self._inbox = self._inbox + self._leg_inputs(), []
        out, actions = self._engine.step(frame, inputs, self._clock.tick_at)
        self._leg.write(out)
        self._record_last_tick()
        self._last_tick = (frame, out)
        for action in actions:
            self._act(action)
        self._book.glimpsed(self._engine)

    def _listen_in(self, frame: Frame) -> None:
        """The caller talks to a person through us: nobody records it, nor answers."""
        events = self._leg.events()
        for event in events:
            self._book.line(event)
        self._line.pass_on(frame, events)
        if self._inbox:  # somebody wants the call to end
            self._hang_up_reason = next(
                (each.reason for each in self._inbox if isinstance(each, told.EndRequested)), None
            )
            self._inbox = []

    # ---- from the world to the engine

    def _told(self, result: told.Input) -> None:
        """A result is there: let the engine act on it now, not at the next frame."""
        if self._line.joined:
            return
        for action in self._engine.handle([result], self._clock.now):
            self._act(action)
        if self._engine.can_revise and self._leg.flush():
            self._revise()

    def _revise(self) -> None:
        """Voice came while the silence of this tick still waits in the leg: replace it."""
        out, actions = self._engine.revise(self._clock.tick_at)
        self._leg.write(out)
        if self._last_tick is not None:
            self._last_tick = (self._last_tick[0], out)
        for action in actions:
            self._act(action)

    def _record_last_tick(self) -> None:
        if self._parts.recording is not None and self._last_tick is not None:
            self._parts.recording.write(*self._last_tick)
            self._last_tick = None

    def _leg_inputs(self) -> list[told.Input]:
        return [self._heard_of(event) for event in self._leg.events()]

    def _heard_of(self, event: LegEvent) -> told.Input:
        self._book.line(event)
        match event:
            case Digit(digit):
                return told.DigitPressed(digit)
            case Hold(on):
                return told.HoldChanged(on)
            case MediaChanged(codec, codec_hz):
                return told.CodecChanged(codec, codec_hz)

    # ---- from the engine to the world

    def _act(self, action: do.Action) -> None:
        match action:
            case do.Transcribe():
                self._performer.transcribe(action)
                if columns := self._conditioner.columns(action):
                    self._book.turn(action.turn, **columns)
            case do.AskModel():
                self._performer.ask(action)
            case do.Speak():
                self._performer.speak(action)
            case do.CancelWork(turn):
                self._performer.cancel(turn)
            case do.SendDigits():
                self._line.send_digits(action)
            case do.TransferCall():
                self._line.transfer(action)
            case do.NoteCaller(turn, _, text) if self._attended is not None:
                self._attended.caller_said(turn, text)
                self._book.note(action)
            case do.HangUpCall(reason):
                self._hang_up_reason = reason  # carried out at the end of this tick
            case _:
                self._book.note(action)
