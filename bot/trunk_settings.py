"""`[[sip.trunk]]`: a carrier's or a PBX's lines. Passwords are no settings: see `password_name`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.addresses import Network, split_address
from bot.clouds import Section
from bot.errors import ConfigError

SIP_PORT = 5060
MOST_TRUNKS = 7  # this build of pjsip holds 8 accounts, and one of them is the bot's own
NAME = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def server(value: str) -> str:
    """`value`, when it is like "sip.example.com" or "203.0.113.5:5080". Raises ValueError."""
    host, port = host_port(value)
    if not HOST.fullmatch(host) or not 0 < port < 65536:
        raise ValueError('a host with or without a port, e.g. "sip.example.com:5060"')
    return value


def _host(value: str) -> str:
    if value and not HOST.fullmatch(value):
        raise ValueError('a host name or an IPv4 address, e.g. "203.0.113.5"')
    return value


def host_port(text: str) -> tuple[str, int]:
    """("sip.example.com", 5060) of "sip.example.com"; port 0 when it is none."""
    if ":" not in text:
        return text, SIP_PORT
    try:
        return split_address(text)
    except ValueError:
        return text, 0


Server = Annotated[str, AfterValidator(server)]
Proxy = Annotated[str, AfterValidator(lambda value: value and server(value))]
Host = Annotated[str, AfterValidator(_host)]


class Trunk(Section):
    """One of them: whom to register with, how numbers are written there, who may call from it."""

    name: str = Field(pattern=NAME, description="how commands, logs and the password name it")
    servers: list[Server] = Field(
        min_length=1, max_length=8, description="the carrier's servers; the next when one fails"
    )
    transport: Literal["udp", "tcp"] = Field("udp", description="how they are spoken to")
    register_: bool = Field(
        True, alias="register", description="false: the carrier knows us by our address"
    )
    user: str = Field("", description="user of the account")
    auth_user: str = Field("", description="user of the password, when it is another one")
    realm: str = Field("*", min_length=1, description="who may be shown the password; *: anybody")
    domain: Host = Field("", description="domain of the account; empty: the first server's host")
    expires_s: int = Field(
        300, ge=60, le=86_400, description="how long a registration is asked for"
    )
    proxy: Proxy = Field("", description="outbound proxy, host or host:port")
    keep_alive_s: int = Field(
        15, ge=0, le=300, description="a packet so often keeps a NAT open; 0: none"
    )
    caller_id: str = Field("", pattern=r"^\+?[0-9A-Za-z._-]*$", description="number we call from")
    caller_id_in: Literal["From", "P-Asserted-Identity", "P-Preferred-Identity"] = Field(
        "From", description="header that tells it; beside another one, From has the account"
    )
    in_strip: str = Field("", description="taken off the front of a number that was dialled")
    in_add: str = Field("", description="put before it afterwards")
    out_strip: str = Field("", description="taken off the front of a number we dial")
    out_add: str = Field("", description="put before it afterwards")
    allow: list[Network] = Field(
        [], description="where its calls come from, beside the addresses of `servers`"
    )
    public_address: Host = Field("", description="ours as the carrier sees it; empty: sip's")
    srtp: Literal["", "off", "optional", "mandatory"] = Field(
        "", description="encrypted audio on this trunk; empty: as sip.srtp says"
    )

    @property
    def password_name(self) -> str:
        """The environment variable of the password; with _FILE behind it, of a file that has it."""
        return f"SIP_TRUNK_{self.name.upper().replace('-', '_')}_PASSWORD"

    @property
    def wants_password(self) -> bool:
        return bool(self.user)

    @property
    def networks(self) -> list[str]:
        """Where its calls come from, as far as no name has to be looked up for that."""
        hosts = [host_port(each)[0] for each in self.servers]
        return [*self.allow, *(host for host in hosts if _is_address(host))]

    def number_in(self, number: str) -> str:
        """A dialled number as the dialplan knows it."""
        return rewritten(number, self.in_strip, self.in_add)

    def number_out(self, number: str) -> str:
        """A number as the carrier wants it dialled."""
        return rewritten(number, self.out_strip, self.out_add)


def _is_address(host: str) -> bool:
    try:
        return bool(IPv4Address(host))
    except ValueError:
        return False


def rewritten(number: str, strip: str, add: str) -> str:
    """Without the prefix `strip`, and `add` before it. A number that does not begin with `strip`
    stays as it is: it is written in another way, and must not be made longer."""
    return add + number[len(strip) :] if number.startswith(strip) else number


def trunk_faults(trunks: Sequence[Trunk], path: Path) -> Iterator[ConfigError]:
    """What no single key shows."""
    if len(trunks) > MOST_TRUNKS:
        what = f"has {len(trunks)} entries."
        yield ConfigError(str(path), "sip.trunk", what, f"There may be {MOST_TRUNKS} at most.")
    names = [trunk.name for trunk in trunks]
    for number, trunk in enumerate(trunks, start=1):
        key = f"sip.trunk[{number}]"
        if trunk.name in names[: number - 1]:
            what = f"is {trunk.name!r}, as another trunk's."
            yield ConfigError(str(path), f"{key}.name", what, "Give it a name of its own.")
        if trunk.register_ and not trunk.user:
            remedy = "Write the account's user, or set register = false if the carrier knows the "
            remedy += "bot by its address."
            yield ConfigError(str(path), f"{key}.user", "is missing.", remedy)
