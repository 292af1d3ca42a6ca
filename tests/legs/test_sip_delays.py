"""`Leg.delays` against the wire: an independent phone's packets, stamped by the kernel."""

import asyncio
import time

import numpy as np

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, silence
from bot.legs.sip import SipEndpoint, SipSettings
from tests.support.rtp_wire import decoded, is_speech
from tests.support.sip_wire import WirePhone

LOUD = 2500  # passed 0.06 ms into the burst


def burst(rate: int, count: int) -> np.ndarray:
    return np.rint(8000 * np.sin(2 * np.pi * 800 * np.arange(count) / rate)).astype(np.int16)


def onset(samples: np.ndarray, rate: int) -> float | None:
    """Seconds from the start of `samples` to the first loud one."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > LOUD)
    return float(loud[0]) / rate if len(loud) else None


def gaps(starts: list[float], ends: list[float]) -> list[float]:
    return [min(end - start for end in ends if end > start) for start in starts]


async def test_the_delays_told_are_those_on_the_wire():
    rung: asyncio.Queue = asyncio.Queue()
    endpoint = SipEndpoint(SipSettings("127.0.0.1:0", rtp_port=22_000), rung.put_nowait)
    await endpoint.start()
    inbound, outbound, told_in, told_out = [], [], [], []
    try:
        async with WirePhone(("127.0.0.1", endpoint.port)) as phone:
            for _ in range(5):  # each call meets the clock in another phase
                dialling = asyncio.ensure_future(phone.dial("1000"))
                leg = await asyncio.wait_for(rung.get(), 5)
                await leg.answer()
                call = await dialling
                written, heard, number = [], [], 0
                async for frame in leg.frames():
                    now = time.time()
                    number += 1
                    said = onset(frame, BUS_HZ)
                    if said is not None:
                        heard.append(now + said)
                    speaking = number in (35, 75)
                    leg.write(burst(BUS_HZ, FRAME_SAMPLES) if speaking else silence())
                    if speaking:
                        written.append(now)
                        told_out.append(leg.delays.outbound)
                    if number in (55, 80):
                        call.rtp.say(burst(8000, 160))
                    if number == 90:
                        break
                told_in.append(leg.delays.inbound)
                await call.hang_up()
                codec = call.rtp.codec
                sent = [p.at for p in call.rtp.sent if is_speech(p, codec)]
                inbound += gaps(sent, heard)
                arrived = [(p.at, onset(decoded([p], codec), 8000)) for p in call.rtp.received]
                outbound += gaps(written, [at + late for at, late in arrived if late is not None])
    finally:
        await endpoint.close()
    assert abs(np.median(outbound) - np.median(told_out)) < 0.004
    assert abs(np.median(inbound) - told_in[0]) < 0.014  # the phase of five calls is chance
    assert np.median(inbound) < 0.040
    print(f"in {np.median(inbound) * 1000:.1f} ms, out {np.median(outbound) * 1000:.1f} ms")
