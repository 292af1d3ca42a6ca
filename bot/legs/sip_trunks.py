"""Trunks as pjsua accounts: they register, re-register, fail over, and leave. On the SIP thread.

Each trunk is one account; another server of it is a change of that account. When to REGISTER next
is decided in `sip_registration`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pjsua2 as pj
import structlog

from bot.errors import LegError
from bot.legs.sip_call import guarded, immortal
from bot.legs.sip_message import headers_of
from bot.legs.sip_registration import Pauses, Registration, Standing
from bot.trunk_settings import Trunk, host_port

LOOK_S = 0.1
REFRESH_BEFORE_S = 5  # pjsip's own; see sip_registration
ANYBODY = "bot"  # user of a trunk that has none
LEAVE_S = 1.0  # for the answers to un-REGISTER
_CONTACT = re.compile(r"sips?:(?:[^@;>\s]*@)?([A-Za-z0-9.-]+(?::\d+)?)", re.IGNORECASE)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TrunkLogin:
    """A trunk and the password of its account."""

    trunk: Trunk
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TrunkState:
    """How a trunk stands, for people."""

    name: str
    standing: Standing
    server: str  # in use, or asked next
    code: int  # SIP status of the last answer to a REGISTER, 0: none came


class Account(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """`incoming` gets itself and each INVITE; `registered` status, expiry and the answer to each
    REGISTER."""

    def __init__(
        self,
        incoming: Callable[[pj.Account, pj.OnIncomingCallParam], None],
        registered: Callable[[int, int, str], None] = lambda *_: None,
    ) -> None:
        super().__init__()
        self._incoming, self._registered = incoming, registered

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._incoming(self, prm)

    @guarded
    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        self._registered(int(prm.code), int(prm.expiration), str(prm.rdata.wholeMsg))


class TrunkLine:
    """One trunk's account and registration."""

    def __init__(
        self,
        login: TrunkLogin,
        pauses: Pauses,
        equip: Callable[[pj.AccountConfig, Trunk | None, str], None],
        incoming: Callable[[pj.Account, pj.OnIncomingCallParam], None],
        look_up: Callable[[], None],
    ) -> None:
        """`look_up` asks for `servers` to be heard; see `Trunks.hear`."""
        self.trunk, self._password, self._equip = login.trunk, login.password, equip
        self._registration = Registration(login.trunk.servers, pauses)
        self._incoming = incoming
        self._look_up = look_up
        self.heard: frozenset[str] = frozenset()  # servers whose packets come in
        self.account: Account
        self._server = ""  # the account's, once it was told one
        self._leaving = False
        self._told: tuple[object, ...] = ()

    @property
    def server(self) -> str:
        return self._registration.server

    def servers(self) -> list[str]:
        """All whose packets are to be heard; also the one it was moved to."""
        return [*self.trunk.servers, self.server, *filter(None, [self.trunk.proxy])]

    def state(self) -> TrunkState:
        at = self._registration
        standing = at.standing if self.trunk.register_ else Standing.PEER
        return TrunkState(self.trunk.name, standing, at.server, at.code)

    def create(self) -> None:
        """Raises pj.Error."""
        self.account = immortal(Account(self._incoming, self._registered))
        self.account.create(self._config(""))

    def poll(self, now: float) -> None:
        """Send the REGISTER that is due, once its answer will be heard."""
        if not self.trunk.register_ or self._leaving:
            return
        if not self.heard.issuperset(self.servers()):
            self._look_up()
            return
        if not self._registration.due(now):
            return
        try:
            if self._server == self.server:
                self.account.setRegistration(True)
            else:
                self._server = self.server
                self.account.modify(self._config(self._server))  # and registers
        except pj.Error:
            self._registered(0, 0, "")

    def _registered(self, code: int, expires_s: int, message: str) -> None:
        if self._leaving or (code // 100 == 2 and not expires_s):
            return  # our own good-bye, to this server or to the one before
        moved_to = moved(message) if code // 100 == 3 else ""
        now = time.monotonic()
        self._registration.answered(code, now, moved_to=moved_to, expires_s=expires_s)
        state = self.state()
        if (state.standing, state.code, state.server) == self._told:
            return
        self._told = (state.standing, state.code, state.server)
        tell = log.info if state.standing is Standing.REGISTERED else log.warning
        tell("trunk", trunk=state.name, standing=str(state.standing), code=code)

    def leave(self) -> None:
        """Un-REGISTER."""
        self._leaving = True
        if self.here:
            try:
                self.account.setRegistration(False)
            except pj.Error:
                return

    @property
    def here(self) -> bool:
        """Does the carrier think so?"""
        return bool(self.trunk.register_ and self.account.getInfo().regIsActive)

    def uris(self, number: str) -> list[str]:
        """Where a call to `number` goes: by the server in use, else by another one."""
        servers = dict.fromkeys([self.server, *self.trunk.servers])
        user = self.trunk.number_out(number)
        return [f"sip:{user}@{server}{self._transport()}" for server in servers]

    def is_at(self, address: str) -> bool:
        """Is `address`, host or host:port, the trunk's domain or one of its servers?"""
        known = {host_port(each) for each in (*self.trunk.servers, self._domain())}
        return host_port(address.lower()) in {(host.lower(), port) for host, port in known}

    def identity(self, user: str) -> str:
        """`user` in our domain there, as From and its like have it."""
        return f"<sip:{user}@{self._domain()}>"

    def caller(self, caller_id: str) -> tuple[str, dict[str, str]]:
        """From and further headers of a call of ours."""
        trunk = self.trunk
        shown = self.identity(caller_id or trunk.caller_id or trunk.user or ANYBODY)
        if trunk.caller_id_in == "From":
            return shown, {}
        return self.identity(trunk.user or ANYBODY), {trunk.caller_id_in: shown}

    def _transport(self) -> str:
        return ";transport=tcp" if self.trunk.transport == "tcp" else ""

    def _domain(self) -> str:
        return self.trunk.domain or host_port(self.trunk.servers[0])[0]

    def _config(self, registrar: str) -> pj.AccountConfig:
        trunk, config = self.trunk, pj.AccountConfig()
        config.idUri = self.identity(trunk.user or ANYBODY)
        reg = config.regConfig
        reg.registerOnAdd = False
        reg.registrarUri = registrar and f"sip:{registrar}{self._transport()}"
        reg.timeoutSec = trunk.expires_s
        reg.retryIntervalSec = 0  # pjsip's own retries know neither fail-over nor growing pauses
        reg.firstRetryIntervalSec = 0
        reg.delayBeforeRefreshSec = REFRESH_BEFORE_S
        reg.unregWaitMsec = 0
        if trunk.user:
            config.sipConfig.authCreds.push_back(
                pj.AuthCredInfo(
                    "digest", trunk.realm, trunk.auth_user or trunk.user, 0, self._password
                )
            )
        if trunk.proxy:
            config.sipConfig.proxies.push_back(f"sip:{trunk.proxy};lr{self._transport()}")
        config.natConfig.udpKaIntervalSec = trunk.keep_alive_s
        self._equip(config, trunk, self._transport())
        return config


def moved(message: str) -> str:
    """Host and port of the Contact of a 3xx, "" when it names none."""
    return address_in(headers_of(message).get("contact", ""))


def address_in(uri: str) -> str:
    """Its host, and its port where it tells one; "" when there is none."""
    found = _CONTACT.search(uri)
    return found.group(1) if found else ""


class Trunks:
    """All of them."""

    def __init__(self, lines: Iterable[TrunkLine]) -> None:
        self._lines = {line.trunk.name: line for line in lines}
        self._looked = 0.0

    def create(self) -> None:
        """Raises pj.Error."""
        for line in self._lines.values():
            line.create()

    def poll(self) -> None:
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            for line in self._lines.values():
                line.poll(now)

    def leave(self) -> None:
        for line in self._lines.values():
            line.leave()

    def anybody_here(self) -> bool:
        """Is a server still to answer our good-bye?"""
        return any(line.here for line in self._lines.values())

    def accounts(self) -> list[Account]:
        return [line.account for line in self._lines.values()]

    def states(self) -> list[TrunkState]:
        return [line.state() for line in self._lines.values()]

    def servers(self) -> dict[str, list[str]]:
        """Of each trunk, those whose packets are to be heard."""
        return {name: line.servers() for name, line in self._lines.items()}

    def hear(self, trunk: str, servers: Iterable[str]) -> None:
        """Packets of these servers of `trunk` come in from now on."""
        self._lines[trunk].heard = frozenset(servers)

    def named(self, name: str) -> TrunkLine:
        """Trunk `name`, or the only one when that is "". Raises LegError."""
        if not name and len(self._lines) == 1:
            return next(iter(self._lines.values()))
        line = self._lines.get(name)
        if not self._lines:
            raise LegError("there is no [[sip.trunk]] to call through: docs/trunks.md")
        if line is None:
            there = ", ".join(self._lines) or "none"
            what = f"no trunk is named {name}" if name else "name the trunk"
            raise LegError(f"{what}; there is: {there}")
        return line

    def reaching(self, uri: str) -> TrunkLine | None:
        """The first one whose domain or server `uri` names."""
        address = address_in(uri)
        return next((line for line in self._lines.values() if line.is_at(address)), None)

    def of_call(self, names: Sequence[str], user: str) -> Trunk | None:
        """Which of `names`, the trunks of the sender's address, a call to `user` came by."""
        found = [self._lines[name].trunk for name in names if name in self._lines]
        return next((each for each in found if each.user == user), found[0] if found else None)
