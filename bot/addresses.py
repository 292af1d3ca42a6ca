"""Addresses and networks as they stand in config.toml."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator


def split_address(address: str) -> tuple[str, int]:
    """("127.0.0.1", 5060) of "127.0.0.1:5060", ("::1", 5060) of "[::1]:5060".

    Raises ValueError, saying what an address must be.
    """
    host, colon, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    plain = bare == host and ":" in host  # an IPv6 address without its brackets
    if not (
        colon and bare and not plain and port.isascii() and port.isdecimal() and int(port) <= 65535
    ):
        raise ValueError('"address:port" with a port up to 65535, e.g. "0.0.0.0:5060"')
    return bare, int(port)


def _address(value: str) -> str:
    split_address(value)
    return value


Address = Annotated[str, AfterValidator(_address)]


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value.strip()))
    except ValueError:
        raise ValueError('an address or a network, e.g. "127.0.0.1" or "10.0.0.0/8"') from None


Network = Annotated[str, AfterValidator(_network)]
