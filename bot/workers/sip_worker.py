"""The process that carries SIP calls: pjsua2, the engine, the call records."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import setproctitle

from bot.calls.outbound import Outbound
from bot.config import Config, rtp_ports
from bot.legs.sip import SipEndpoint, SipSettings
from bot.library import Library
from bot.workers.carrying import Carrier, prefer_media
from bot.workers.sip_control import SipControl
from bot.workers.sip_logins import logins, public_address


def run(config: Config, library: Library, ready: Callable[[], None], life: int = 0) -> int:
    """Carry calls until SIGTERM; `ready` is called when the port listens. The exit code.

    `life` counts the workers that were there before; their callers may still be sending.
    """
    setproctitle.setproctitle("bot: sip worker")
    prefer_media()
    return asyncio.run(_serve(config, library, ready, life))


async def _serve(config: Config, library: Library, ready: Callable[[], None], life: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    carrier = Carrier(config, library)
    first, last = rtp_ports(config)
    endpoint = SipEndpoint(
        SipSettings(
            bind=config.sip.bind,
            codecs=tuple(config.sip.codecs),
            max_calls=config.sip.max_calls,
            rtp_port=first,
            rtp_count=last - first + 1,
            comfort_noise_db=config.sip.comfort_noise_db,
            dtmf_inband=config.sip.dtmf_inband,
            srtp=config.sip.srtp,
            rtp_from_anywhere=config.sip.rtp_from_anywhere,
            rtp_timeout_s=config.sip.rtp_timeout_s,
            life=life,
            session_expires_s=config.sip.session_expires_s,
            called_from=tuple(config.sip.called_from),
            caller_from=tuple(config.sip.caller_from),
            region=config.sip.region,
            allow=tuple(config.sip.allow),
            refuse=config.sip.refuse,
            requests_per_s=config.sip.requests_per_s,
            public_address=await public_address(config.sip.public_address),
            stun=config.sip.stun,
            trunks=await logins(config.sip.trunk),
        ),
        carrier.manager.on_call,
    )
    control = SipControl(config, endpoint, Outbound(endpoint, carrier.manager, library))
    carrier.manager.dials = endpoint
    warming = asyncio.ensure_future(carrier.warm_up())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((warming, stopping), return_when=asyncio.FIRST_COMPLETED)
    if warming.done():
        warming.result()  # raises what went wrong
        loop.add_signal_handler(signal.SIGHUP, carrier.reload)
        await endpoint.start()
        await control.start()
        carrier.warm()
        ready()
        await stopping
    warming.cancel()
    await control.close()
    endpoint.draining = True
    await carrier.close(endpoint.lateness)
    await endpoint.close()  # last, for pjsip takes its time
    return 0
