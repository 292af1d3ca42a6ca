"""One call in a process of its own, for pjsip is one of a kind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias

import aiohttp

from bot.audio.frame import Samples
from bot.legs.sip import SipEndpoint, SipSettings
from tests.parity.conductor import Conductor, Step
from tests.support.web_phone import over_http

Voices: TypeAlias = Mapping[str, Samples]


def call(
    codec: str, address: str, web: str, score: list[Step], voices: Voices, results: Any
) -> None:
    """Put into `results` what of the score was not carried out."""
    results.put(asyncio.run(_call(codec, address, web, score, voices)))


async def _call(codec: str, address: str, web: str, score: list[Step], voices: Voices) -> list[str]:
    if codec == "opus":
        async with aiohttp.ClientSession() as session:
            phone = await over_http(web, session=session)
            await phone.answered(5)
            return await _perform(phone, score, voices)
    settings = SipSettings("127.0.0.1:0", codecs=(codec,), rtp_port=24_000)
    endpoint = SipEndpoint(settings, lambda _: None)
    await endpoint.start()
    try:
        leg = await endpoint.dial(f"sip:1000@{address}")
        await leg.answered(5)
        return await _perform(leg, score, voices)
    finally:
        await endpoint.close()


async def _perform(leg: Any, score: list[Step], voices: Voices) -> list[str]:
    conductor = Conductor(leg, score, voices)
    await conductor.run()
    return [str(each) for each in conductor.not_done]
