"""What every account of ours has, a trunk's as the bot's own: timers, ports, addresses, SRTP."""

from __future__ import annotations

import pjsua2 as pj

from bot.legs.sip_message import user_of
from bot.legs.sip_ports import quiet_share
from bot.legs.sip_setup import SipSettings, set_dialogue
from bot.legs.sip_srtp import allow
from bot.trunk_settings import Trunk


class Equipment:
    """One per endpoint; all accounts share its RTP ports."""

    def __init__(self, settings: SipSettings, address: str, port: int) -> None:
        self._settings = settings
        self._address, self._port = address, port
        self._ports = quiet_share(address, settings.rtp_port, settings.rtp_count, settings.life)

    def give(self, config: pj.AccountConfig, trunk: Trunk | None, transport: str) -> None:
        """Complete an account's configuration. A trunk may have a public address and a rule for
        SRTP of its own; `transport` is the parameter of its URIs, as ";transport=tcp"."""
        set_dialogue(config, self._settings)
        allow(config.mediaConfig, (trunk and trunk.srtp) or self._settings.srtp)
        media = config.mediaConfig.transportConfig
        media.port = self._ports[0]
        media.portRange = len(self._ports) - 2  # to the last port that may be RTP's, inclusive
        media.randomizePort = True  # the first one: a share may be used again by the next bot
        media.boundAddress = "" if self._address == "0.0.0.0" else self._address
        own = trunk.public_address if trunk else ""
        media.publicAddress = own or self._settings.public_address
        # pjsua would tell a registrar the address that it sees, which is right where none is known
        config.natConfig.contactRewriteUse = 0 if media.publicAddress else 1
        if own:  # the transport tells the bot's own
            at = f"{user_of(config.idUri)}@{own}:{self._port}"
            config.sipConfig.contactForced = f"<sip:{at}{transport}>"
