"""How to reach a persona by telephone, in words and as SIP addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bot.addresses import split_address
from bot.dialplan import Dialplan, Route, ends_in, routes_of
from bot.persona import Persona

SIP_PORT = 5060


@dataclass(frozen=True, slots=True)
class Number:
    """One line of the plan as the page shows it."""

    label: str  # "1000", "20…" for all that begin so, "Any other number"
    uri: str  # "sip:1000@192.0.2.7", "" where there is no single number to dial
    persona: str
    description: str
    callers: list[str]  # beginnings of caller numbers; empty: for everybody


def numbers(
    plan: Dialplan, personas: Mapping[str, Persona], bind: str, seen_as: str | None
) -> list[Number]:
    """The whole plan. `seen_as` is the host name under which the page was asked for; it stands
    in where the SIP side is bound to every address."""
    at = address(bind, seen_as)
    return [_number(route, personas, at, route is plan.default) for route in routes_of(plan)]


def address(bind: str, seen_as: str | None) -> str:
    """host or host:port behind the @ of a SIP address."""
    host, port = split_address(bind)
    if _everywhere(host):
        host = seen_as or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return host if port == SIP_PORT else f"{host}:{port}"


def _everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _number(route: Route, personas: Mapping[str, Persona], at: str, default: bool) -> Number:
    persona = personas.get(route.persona)
    exact = bool(route.number) and not route.number.endswith("*") and not default
    if default:
        label = "Any other number"
    elif exact:
        label = route.number
    else:
        label = f"{route.number[:-1]}…" if route.number[:-1] else "Every number"
    return Number(
        label=label,
        uri=f"sip:{quote(route.number, safe='+*-_.')}@{at}" if exact else "",
        persona=persona.name if persona else ends_in(route),
        description=route.description or (persona.description if persona else ""),
        callers=route.callers,
    )
