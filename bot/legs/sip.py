"""The telephone side of a worker: one SIP endpoint that hands out legs.

    endpoint = SipEndpoint(SipSettings("127.0.0.1:5060"), on_call)
    await endpoint.start()
    leg = await endpoint.dial("sip:1000@127.0.0.1:5070")
    await leg.answered()

pjsip is a singleton: one endpoint per process. The files around this one: `sip_leg` (a party as the
rest of the bot sees it), `sip_setup` (how pjsip is set up), `sip_stack` (its life), `sip_calls`
(the table of calls), `sip_call` (callbacks to news), `sip_thread`, `sip_clock`, `bridge` (audio in
and out), `sip_message` (headers), `sip_identity` (who calls whom), `sip_ports` (which ports RTP may
use), `sip_trunks` and `sip_registration` (carriers), `sip_door`, `sip_sources`, `sip_flood`,
`sip_filter`, `sip_gate` and `sip_sockets` (strangers and floods), `sip_reach` (does anybody listen
there), `sip_sdp` (offers before pjsip sees them), `sip_srtp`, `sip_ptime`, `sip_rtp_door` (whose
audio it is), `sip_watchdog` (who has gone), `sip_keys` and `sip_info` (DTMF), `sip_repair` (what
pjsip cannot read), `sip_manners` (what is refused, and how), `sip_equipment` (what each account
has), `sip_refer` (transfers) and `pjsip` (the C functions below pjsua2).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import structlog

from bot.errors import LegError
from bot.legs.base import LegInfo
from bot.legs.bridge import SILENCE
from bot.legs.lateness import Lateness
from bot.legs.mailbox import Mailbox
from bot.legs.sip_address import addresses_of, bindable
from bot.legs.sip_call import News
from bot.legs.sip_identity import OWN_USER, calling, dialled, how_found
from bot.legs.sip_leg import CallRefused, SipLeg
from bot.legs.sip_message import headers_of, user_of
from bot.legs.sip_setup import SipSettings, max_calls_compiled
from bot.legs.sip_stack import Invite, SipStack
from bot.legs.sip_thread import SipThread
from bot.legs.sip_trunks import LEAVE_S, TrunkLogin, TrunkState
from bot.numbers import e164

__all__ = [
    "CallRefused",
    "SipEndpoint",
    "SipLeg",
    "SipSettings",
    "TrunkLogin",
    "TrunkState",
    "max_calls_compiled",
]

log = structlog.get_logger(__name__)

RESOLVE_S = 60.0  # a carrier's address changes rarely
GOODBYE_S = 2.0  # for the BYEs of calls that are up when the endpoint closes


class SipEndpoint:
    """One SIP address over UDP and TCP.

    `on_call` is called in the event loop once per INVITE, before it is answered; its leg is
    already ringing. `draining` refuses new calls with 503 and Retry-After.
    """

    def __init__(self, settings: SipSettings, on_call: Callable[[SipLeg], None]) -> None:
        self.settings = settings
        self.draining = False
        self.port = 0  # the one bound, once started
        self._on_call = on_call
        self._started = False
        self._resolving: asyncio.Future[None] | None = None
        self._to_resolve = asyncio.Event()

    @property
    def lateness(self) -> Lateness:
        return self._stack.clock.lateness if self._started else Lateness()

    async def start(self) -> None:
        """Bind and listen. Raises StartError naming the address and what to do."""
        address, self.port = bindable(self.settings.bind)
        self._loop = asyncio.get_running_loop()
        self._stack = SipStack(
            self.settings,
            self._loop,
            self._invited,
            lambda: self.draining,
            lambda: self._post(self._to_resolve.set),
        )
        self._thread = SipThread(self._stack.poll)
        self._thread.start()
        await self._thread.do(lambda: self._stack.start(address, self.port), 20.0)
        await self._thread.do(self._thread.begin_polling)
        self._started = True
        log.info("sip listens", address=address, port=self.port)
        if self.settings.trunks:
            self._resolving = asyncio.ensure_future(self._resolve_servers())

    async def _resolve_servers(self) -> None:
        """Where trunks' servers are, when there is a new one and every RESOLVE_S."""
        while True:
            self._to_resolve.clear()
            servers = await self._thread.do(self._stack.trunks.servers)
            found = await asyncio.gather(*map(addresses_of, servers.values()))
            for (trunk, hosts), at in zip(servers.items(), found, strict=True):
                await self._thread.do(partial(self._stack.hear, trunk, hosts, at))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._to_resolve.wait(), RESOLVE_S)

    async def trunks(self) -> list[TrunkState]:
        """How each trunk stands."""
        return await self._thread.do(self._stack.trunks.states)

    async def dial_by(self, trunk: str, number: str, *, caller: str = "") -> SipLeg:
        """A leg that is calling `number` through `trunk` ("": the only one), from `caller` or the
        trunk's caller id. Raises LegError when there is no such trunk or all lines are busy."""
        box = Mailbox(SILENCE)
        line = await self._thread.do(lambda: self._stack.trunks.named(trunk))
        caller = caller or line.trunk.caller_id or line.trunk.user
        info = LegInfo("sip", "", caller, number, trunk=line.trunk.name, outbound=True)
        leg = SipLeg(self._stack.calls, self._thread, box, info)
        report, name = self._reporter(leg), line.trunk.name

        async def begin(uri: str) -> tuple[int, str]:
            return await self._thread.do(
                lambda: self._stack.dial_by(name, uri, caller, box, report)
            )

        first, *others = (partial(begin, uri) for uri in line.uris(number))
        leg.others.extend(others)
        leg.dialled(*await first())
        return leg

    async def dial(self, uri: str, *, caller: str = "bot") -> SipLeg:
        """A leg that is calling `uri`; see `SipLeg.answered`. Raises LegError when the URI is
        none or all lines are busy."""
        box = Mailbox(SILENCE)
        info = LegInfo("sip", "", caller, user_of(uri), outbound=True)
        leg = SipLeg(self._stack.calls, self._thread, box, info)
        report = self._reporter(leg)
        leg.dialled(*await self._thread.do(lambda: self._stack.dial(uri, caller, box, report)))
        return leg

    async def close(self) -> None:
        """Hang up on everybody and take pjsip down. Returns within about four seconds."""
        if not self._started:
            return
        self._started = False
        self.draining = True
        if self._resolving is not None:
            self._resolving.cancel()
        with contextlib.suppress(TimeoutError, LegError):
            await self._thread.do(self._stack.calls.end_all)
            await asyncio.wait_for(self._all_gone(), GOODBYE_S)
        with contextlib.suppress(TimeoutError, LegError):
            await self._thread.do(self._stack.trunks.leave)
            await asyncio.wait_for(self._all_left(), LEAVE_S)
        with contextlib.suppress(TimeoutError):
            await self._thread.do(self._take_down, 3.0)

    def _take_down(self) -> None:
        self._thread.stop()
        self._stack.stop()

    async def _all_gone(self) -> None:
        while await self._thread.do(self._stack.calls.__len__):  # one poll of pjsip each
            pass

    async def _all_left(self) -> None:
        while await self._thread.do(self._stack.trunks.anybody_here):
            pass

    # ---- on the SIP thread -----------------------------------------------------------------

    def _invited(self, invite: Invite) -> Callable[[News], None]:
        info = self._info(invite)
        leg = SipLeg(self._stack.calls, self._thread, invite.box, info)
        leg.serial = invite.serial
        self._post(self._on_call, leg)
        return self._reporter(leg)

    def _info(self, invite: Invite) -> LegInfo:
        """Whom they call and who they are, as far as their headers tell."""
        settings, headers, trunk = self.settings, headers_of(invite.message), invite.trunk
        own = {OWN_USER, trunk.user} if trunk else {OWN_USER}
        whom = dialled(headers, settings.called_from, own)
        who = calling(headers, settings.caller_from)
        called = trunk.number_in(whom.number) if trunk else whom.number
        called = e164(called, settings.region)
        return LegInfo(
            "sip",
            invite.call_id,
            e164(who.number, settings.region),
            called,
            who.name,
            headers=headers,
            found=how_found(whom, who, called),
            trunk=trunk.name if trunk else "",
        )

    def _reporter(self, leg: SipLeg) -> Callable[[News], None]:
        return lambda news: self._post(leg.take, news)

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody listens any more
            self._loop.call_soon_threadsafe(callback, *args)
