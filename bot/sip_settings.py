"""The `[sip]` section of config.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.addresses import Address, Network
from bot.clouds import Section
from bot.numbers import is_region
from bot.trunk_settings import Host, Trunk, server

CalledHeader = Literal["request-uri", "to", "diversion", "history-info", "p-called-party-id"]
CallerHeader = Literal["p-asserted-identity", "remote-party-id", "from"]
QUIETEST_DB, LOUDEST_DB = -80.0, -50.0  # of comfort noise; above it callers hear a bad line
RTP_PORTS = 400  # few are used at once; none comes back soon
AT_HOME = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]


def _no_tls(value: str) -> str:
    if value:
        raise ValueError(
            "left out: the TLS of this SIP library is OpenSSL 1.0.2k, which gets no repairs any "
            "more. Let Kamailio speak TLS in front of the bot: docs/trunks.md"
        )
    return value


def _stun(value: str) -> str:
    return value and server(value.removeprefix("stun:"))


def _region(value: str) -> str:
    if value and not is_region(value):
        raise ValueError('a country in two capital letters, e.g. "DE" or "US"')
    return value


def _soft(level_db: float) -> float:
    if level_db and not QUIETEST_DB <= level_db <= LOUDEST_DB:
        raise ValueError(
            f"Comfort noise is between {QUIETEST_DB:g} and {LOUDEST_DB:g} dBFS, or 0 for none."
        )
    return level_db


class Sip(Section):
    """The telephone side."""

    bind: Address = Field("0.0.0.0:5060", description="address:port for SIP over UDP and TCP")
    max_calls: int = Field(4, ge=1, le=4, description="calls at once; the next one hears busy")
    codecs: list[Literal["PCMU", "PCMA", "G722"]] = Field(
        ["PCMU", "PCMA", "G722"], min_length=1, description="offered and accepted, best first"
    )
    rtp_port: int = Field(4000, ge=1024, le=65000, description="first of 400 UDP ports for RTP")
    session_expires_s: int = Field(
        1800, ge=90, le=86400, description="a session that nobody refreshes ends after so long"
    )
    called_from: list[CalledHeader] = Field(
        ["request-uri"], min_length=1,
        description="where the dialled number stands, the first that has one: also to, diversion, "
        "history-info, p-called-party-id",
    )  # fmt: skip
    caller_from: list[CallerHeader] = Field(
        ["p-asserted-identity", "remote-party-id", "from"], min_length=1,
        description="where the caller's number stands, the first that has one",
    )  # fmt: skip
    region: Annotated[str, AfterValidator(_region)] = Field(
        "", description='country whose numbers lack a country code, "DE": numbers become E.164'
    )
    allow: list[Network] = Field(
        AT_HOME, description="who may send SIP, beside trunks; this machine and private networks"
    )
    refuse: Literal["silence", "403"] = Field(
        "silence", description="what all others get: silence, or 403"
    )
    requests_per_s: int = Field(
        100, ge=0, le=100_000, description="from one address; who sends more is not heard for a "
        "while, trunks excepted; 0: no limit",
    )  # fmt: skip
    public_address: Host = Field(
        "", description="ours as callers see it, told in SDP and Contact; empty: the machine's own"
    )
    stun: Annotated[str, AfterValidator(_stun)] = Field(
        "", description='asked for it when that is empty: "stun.example.com:3478"; empty: nobody'
    )
    tls_bind: Annotated[str, AfterValidator(_no_tls)] = Field(
        "", description="refused: let Kamailio speak TLS in front of the bot, see docs/trunks.md"
    )
    trunk: list[Trunk] = Field([], description="carriers and PBXs: [[sip.trunk]], docs/trunks.md")
    comfort_noise_db: Annotated[float, AfterValidator(_soft)] = Field(
        -62.0, description="soft noise instead of digital silence, in dBFS; 0: none"
    )
    dtmf_inband: Literal["auto", "on", "off"] = Field(
        "auto", description="listen for keys as tones; auto: where the caller has no key events"
    )
    srtp: Literal["off", "optional", "mandatory"] = Field(
        "off", description="encrypted audio with keys in the SDP (SDES)"
    )
    rtp_from_anywhere: bool = Field(
        False, description="take a call's audio from any address, not only from that of its SDP"
    )
    rtp_timeout_s: float = Field(
        30.0, ge=0, le=3600, description="a call no packet comes from is ended after this; 0: never"
    )
