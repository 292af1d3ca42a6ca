"""While the bot is silent the wire carries a soft noise; what it says is left alone."""

import asyncio
import contextlib

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, silence
from tests.support.rtp_wire import SPEECH_DB, level_db
from tests.support.sip_desk import Desk
from tests.support.sip_wire import WirePhone

TONE = (np.sin(2 * np.pi * 1000 * np.arange(BUS_HZ) / BUS_HZ) * 8000).astype(np.int16)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("noise_db", [-62.0, 0.0])
async def test_silence_is_a_soft_noise_on_the_wire(noise_db, codec):
    """With a tone in the middle: 40 frames of silence, 25 of the tone, 40 of silence."""
    async with Desk(comfort_noise_db=noise_db) as desk, WirePhone(desk.address) as phone:
        dialling = asyncio.ensure_future(phone.dial("1000", codecs=(codec,)))
        leg = await desk.next()
        await leg.answer()
        call = await dialling
        written = [silence()] * 40
        written += [TONE[at : at + FRAME_SAMPLES] for at in range(0, BUS_HZ // 2, FRAME_SAMPLES)]
        written += [silence()] * 40
        underruns = []  # the clock waits for no frame of a busy machine
        async with contextlib.aclosing(leg.frames()) as ticks:
            async for _ in ticks:
                underruns.append(leg.stats.underruns)
                leg.write(written.pop(0))
                if not written:
                    break
        late = underruns[64] - underruns[40]  # from the first to the last frame of the tone
        levels = [level_db(call.rtp.codec.decode(p.payload)) for p in call.rtp.audio_in]
        loud = [at for at, level in enumerate(levels) if level > SPEECH_DB]
        holes = loud[-1] - loud[0] + 1 - len(loud)
        assert 25 <= len(loud) <= 27 + late and holes <= late, f"{late} came late"
        assert np.median([levels[at] for at in loud]) == pytest.approx(-15.3, abs=0.5)
        quiet = [*levels[10 : loud[0] - 2], *levels[loud[-1] + 3 :]]
        if noise_db:
            assert np.median(quiet) == pytest.approx(noise_db, abs=2)
            assert min(quiet) > -72 and max(quiet) < -55
        else:
            assert max(quiet) < -70, "digital silence, which is -72 in PCMA"
        assert leg.stats.frames_dropped == 0
