"""What a SIP worker finds out before it listens: passwords of trunks, its own public address."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import ConfigError, StartError
from bot.legs.sip import TrunkLogin
from bot.legs.sip_address import addresses_of
from bot.secrets import secret
from bot.trunk_settings import Trunk


async def logins(trunks: Sequence[Trunk]) -> list[TrunkLogin]:
    """Raises ConfigError when a password is missing, StartError when a public address is none."""
    found = []
    for trunk in trunks:
        address = await public_address(trunk.public_address)
        at = trunk.model_copy(update={"public_address": address})
        found.append(TrunkLogin(at, password_of(trunk)))
    return found


def password_of(trunk: Trunk) -> str:
    """Raises ConfigError, never quoting it."""
    if not trunk.user:
        return ""
    found = secret(trunk.password_name)
    if not found and trunk.register_:
        raise ConfigError(
            "environment", trunk.password_name, f"is not set, and trunk {trunk.name} registers.",
            f"Export it, or {trunk.password_name}_FILE with the path of a file that holds it.",
        )  # fmt: skip
    return found


async def public_address(host: str) -> str:
    """SDP wants a number: the IPv4 address of `host`, "" of "". Raises StartError."""
    if not host:
        return ""
    found = sorted(await addresses_of([host]))
    if not found:
        raise StartError(f"sip.public_address {host}: it has no IPv4 address. Write that instead.")
    return found[0]
