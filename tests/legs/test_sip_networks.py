"""What a bad network leaves of a sentence, by the bot's own Whisper: as much as a good one."""

import asyncio
import contextlib

import numpy as np
import pytest
import soxr

from bot.audio.frame import BUS_HZ, Samples, level_db, silence
from bot.legs.sip import SipLeg
from bot.providers.whisper_local import RATE_HZ, WhisperLocal
from tests.speech_eval.words import errors, words
from tests.support.phone import spoken
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WirePhone

SENTENCE = "I would like to book a table for four people, and please call me back on Friday."
ALLOWED = 1  # words more than over a clean line
NETWORKS = {
    "clean": (0.0, 1.0, 0.0),
    "5 % lost": (0.05, 1.0, 0.0),
    "5 % lost in bursts": (0.05, 3.0, 0.0),
    "5 % lost, 60 ms jitter": (0.05, 1.0, 60.0),
    "a phone with DTX": (0.0, 1.0, 0.0),
}


async def heard(leg: SipLeg, seconds: float) -> Samples:
    frames = []
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for frame in ticks:
            leg.write(silence())
            frames.append(frame)
            if len(frames) * 0.02 >= seconds:
                break
    return np.concatenate(frames)


async def spoken_over(desk: Desk, phone: WirePhone, network: str) -> Samples:
    """The sentence as the bot hears it over that network, or from a phone with DTX."""
    dialling = asyncio.ensure_future(phone.dial("1000"))
    leg = await desk.next()
    await leg.answer()
    call = await dialling
    call.rtp.network(*NETWORKS[network])
    if "DTX" in network:
        call.rtp.sparse()
    sound = spoken(SENTENCE)
    said = asyncio.ensure_future(heard(leg, len(sound) / 8000 + 1.6))
    await asyncio.sleep(0.4)
    call.rtp.say(sound)
    whole = await said
    sent = {packet.seq for packet in call.rtp.sent}
    await call.hang_up()
    await asyncio.sleep(0.1)
    lost = 1 - leg.stats.rtp_received / len(sent)
    # by chance a twentieth of 250 packets is two to twenty-five
    assert lost < 0.005 if not NETWORKS[network][0] else 0.007 < lost < 0.1, lost
    return whole


@pytest.fixture(scope="module")
def whisper() -> WhisperLocal:
    return WhisperLocal()


async def test_a_sentence_is_understood_over_a_bad_network(whisper):
    sounds: dict[str, Samples] = {}
    async with Desk() as desk, WirePhone(desk.address) as phone:

        async def one(network: str) -> None:
            sounds[network] = await spoken_over(desk, phone, network)

        await asyncio.gather(*(one(network) for network in [*NETWORKS][:3]))
        await asyncio.gather(*(one(network) for network in [*NETWORKS][3:]))
    wrong = {}
    for network, sound in sounds.items():
        told = await whisper.transcribe(soxr.resample(sound, BUS_HZ, RATE_HZ), language="en")
        wrong[network] = errors(words(SENTENCE), words(told.text))
        print(f"{network}: {wrong[network]} of {len(words(SENTENCE))} words wrong: {told.text}")
    assert wrong["clean"] <= 1
    assert all(count <= wrong["clean"] + ALLOWED for count in wrong.values()), wrong
    assert level_db(sounds["a phone with DTX"][: BUS_HZ // 4]) < -60, (
        "nothing is made up where nothing came"
    )
