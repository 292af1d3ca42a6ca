"""The `[sip]` section of config.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.addresses import Address
from bot.clouds import Section

QUIETEST_DB, LOUDEST_DB = -80.0, -50.0  # of comfort noise; above it callers hear a bad line
RTP_PORTS = 400  # few are used at once; none comes back soon


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
