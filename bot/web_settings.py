"""Settings of the browser's door: [web] and [webrtc].

The signing key of call links is no setting: it is in WEB_LINK_SECRET, or in a file the bot makes
beside its database.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.addresses import Address, Network
from bot.clouds import Section

ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _origin(value: str) -> str:
    """As a browser writes it in `Origin`: small letters, no default port, no path."""
    found = ORIGIN.fullmatch(value.strip().lower().removesuffix("/"))
    if found is None:
        raise ValueError('a site without a path, e.g. "https://www.example.com"')
    scheme, host, port = found.groups("")
    return f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else port)


Origin = Annotated[str, AfterValidator(_origin)]


class Web(Section):
    """The pages, and who may talk through them."""

    bind: Address = Field("127.0.0.1:8080", description="address:port of the web pages")
    workers: int = Field(1, ge=1, le=16, description="processes that carry browser calls")
    max_calls_per_worker: int = Field(
        6, ge=1, le=20, description="browser calls at once in each; then all lines are busy"
    )
    access: Literal["auto", "open", "link"] = Field(
        "auto",
        description="who may call: link: whoever has a signed call link; open: everybody; auto: "
        "open on loopback without a trusted proxy, else link",
    )
    tls_cert: str = Field("", description="certificate chain (PEM); with it the pages are https")
    tls_key: str = Field("", description="its private key (PEM)")
    trusted_proxies: list[Network] = Field(
        [],
        description='addresses whose X-Forwarded-* headers are believed: "127.0.0.1", "10.0.0.0/8"',
    )
    origins: list[Origin] = Field(
        [], description='other sites that may embed the bot: "https://www.example.com"'
    )
    calls_per_minute: int = Field(
        10, ge=1, le=10_000, description="calls that one address may begin in a minute"
    )
    requests_per_minute: int = Field(
        300, ge=10, le=100_000, description="requests that one address may make in a minute"
    )


class WebRtc(Section):
    """How browsers' audio finds its way."""

    stun: str = Field("", description='e.g. "stun:stun.example.com:3478"; empty: none')
    turn: str = Field(
        "",
        description='e.g. "turn:turn.example.com:3478"; TURN_USERNAME and TURN_PASSWORD are in '
        "the environment",
    )
    reconnect_s: float = Field(
        20.0, ge=2, le=120, description="a call whose browser is gone is kept so long"
    )


def rooted_web(web: Web, root: Path) -> Web:
    """Its paths made absolute, from `root` on."""
    paths = {name: getattr(web, name) for name in ("tls_cert", "tls_key")}
    return web.model_copy(
        update={name: path and str(root / Path(path).expanduser()) for name, path in paths.items()}
    )
