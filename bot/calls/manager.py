"""All calls of one worker: who answers, from the INVITE to the closed record."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict, replace
from datetime import UTC, datetime

import structlog

from bot.calls.arrival import ring, turned_away
from bot.calls.attended import Dials
from bot.calls.phrasebook import Phrasebook
from bot.calls.session import CallParts, Session
from bot.calls.taps import Tap
from bot.config import Config
from bot.dialplan import Decision, Route
from bot.errors import LegError
from bot.legs.base import HangUp, Leg
from bot.library import Library
from bot.persona import Persona
from bot.providers.circuit import Circuits
from bot.providers.registry import Providers, providers_for
from bot.store.recorder import CallLog, CallStart
from bot.store.recording import StereoRecording

log = structlog.get_logger(__name__)


class CallManager:
    """Takes legs in, routes them, runs their sessions, closes their records."""

    def __init__(
        self, config: Config, library: Library, records: CallLog, phrases: Phrasebook
    ) -> None:
        self._config, self._library = config, library
        self._records, self._phrases = records, phrases
        self._circuits = Circuits()  # what one call found out spares the next one the wait
        self._providers: dict[str, tuple[Persona, Providers]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions: set[Session] = set()
        self.dials: Dials | None = None  # set by a worker that has a telephone line
        self._draining: str | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until there is no call."""
        await self._idle.wait()

    @property
    def draining(self) -> bool:
        return self._draining is not None

    def on_call(self, leg: Leg, *, persona: str = "", tap: Tap | None = None) -> None:
        """A party is at the door; returns at once.

        `persona` names who is asked for where no number was dialled; `tap` looks on.
        """
        self.begin(leg, persona=persona, tap=tap)

    def begin(self, leg: Leg, *, persona: str = "", why: str = "", tap: Tap | None = None) -> str:
        """The same; the call's id. `why` tells why it is `persona` who speaks."""
        call_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        decision = self._decide(leg, persona, why)
        task = asyncio.get_running_loop().create_task(self._serve(call_id, leg, decision, tap))
        self._tasks.add(task)
        self._idle.clear()
        task.add_done_callback(self._over)
        return call_id

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._idle.set()

    async def drain(self, reason: str, within_s: float) -> None:
        """Take no new calls, say goodbye to live ones, wait until they have ended."""
        self._draining = reason
        for session in self._sessions:
            session.ask_to_end(reason)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, providers in self._providers.values():
            await providers.close()

    def providers(self, persona: Persona) -> Providers:
        """The persona's providers, made once and kept until its file changes."""
        known = self._providers.get(persona.slug)
        if known is None or known[0] != persona:
            known = (persona, providers_for(self._config, persona, self._circuits))
            self._providers[persona.slug] = known
        return known[1]

    async def _serve(self, call_id: str, leg: Leg, decision: Decision, tap: Tap | None) -> None:
        """One call, whatever happens in it: the outermost loop of a call."""
        persona = self._persona_of(decision.route)
        recording = self._recording(call_id) if persona is not None else None
        self._records.begin(_start(call_id, leg, persona, decision, recording))
        call_log = log.bind(call=call_id, persona=persona.slug if persona else "")
        call_log.info("call begins", leg=leg.info.kind)
        if tap is not None:
            tap.began(call_id, persona.slug if persona else "")
        reason = "crashed"
        try:
            reason = await self._answer(leg, call_id, persona, decision, recording, tap)
        except asyncio.CancelledError:
            reason = self._draining or "cancelled"
            raise
        except LegError as error:
            reason = f"line failed: {error}"
        except Exception:
            call_log.exception("call crashed")
        finally:
            await leg.hang_up(HangUp.FAILED)
            if recording is not None:
                recording.close()
            self._records.end(call_id, datetime.now(UTC), reason, asdict(leg.stats))
            call_log.info("call ends", reason=reason)
            if tap is not None:
                tap.ended(reason)

    async def _answer(
        self,
        leg: Leg,
        call_id: str,
        persona: Persona | None,
        decision: Decision,
        recording: StereoRecording | None,
        tap: Tap | None,
    ) -> str:
        """Refuse or answer, talk, and tell why it ended."""
        if self._draining is not None:
            await leg.hang_up(HangUp.UNAVAILABLE)
            return "refused: draining"
        route = decision.route
        if (why := await turned_away(leg, route)) is not None:
            return why
        assert persona is not None
        assert route is not None
        providers = self.providers(persona)
        if tap is not None and route.ring_s:
            tap.ringing()
        prompt = self._phrases.of(persona, route.early_text) if route.early_text else None
        await ring(leg, route, self._config.sip.region, prompt)
        if leg.ended is not None:
            return leg.ended
        await leg.answer()
        session = Session(
            leg,
            CallParts(
                call_id,
                self._config,
                persona,
                providers,
                self._phrases,
                self._records,
                recording,
                tap,
                self.dials,
            ),
        )
        self._sessions.add(session)
        if self._draining is not None:
            session.ask_to_end(self._draining)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
        return session.end_reason

    def _decide(self, leg: Leg, asked_for: str, why: str) -> Decision:
        if asked_for in self._library.personas:
            why = why or f"{asked_for} was asked for by name"
            return Decision(Route(persona=asked_for), why)
        if asked_for:
            return Decision(None, "no persona of the name that was asked for")
        info = leg.info
        decision = self._library.decide(info.called, info.caller)
        return replace(decision, why=f"{decision.why} ({info.found})") if info.found else decision

    def _persona_of(self, route: Route | None) -> Persona | None:
        return self._library.personas[route.persona] if route and route.persona else None

    def _recording(self, call_id: str) -> StereoRecording | None:
        settings = self._config.recordings
        if not settings.enabled:
            return None
        return StereoRecording(settings.dir / call_id[:6] / f"{call_id}.wav", settings.rate_hz)


def _start(
    call_id: str,
    leg: Leg,
    persona: Persona | None,
    decision: Decision,
    recording: StereoRecording | None,
) -> CallStart:
    return CallStart(
        call_id=call_id,
        leg_kind=leg.info.kind,
        leg_id=leg.info.leg_id,
        caller=leg.info.caller,
        called=leg.info.called,
        persona=persona.slug if persona else "",
        route_why=decision.why,
        started=datetime.now(UTC),
        recording=str(recording.path) if recording else "",
        direction="out" if leg.info.outbound else "in",
        trunk=leg.info.trunk,
    )
