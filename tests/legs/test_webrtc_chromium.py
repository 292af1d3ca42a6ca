"""A real browser: Debian's Chromium with a microphone that beeps; signalling by function calls."""

import asyncio
import contextlib
import itertools

import numpy as np
from playwright.async_api import async_playwright

from bot.audio.frame import BUS_HZ, FRAME_SAMPLES, level_db
from bot.legs.base import Hold
from bot.legs.webrtc import WebRtcEndpoint, WebRtcSettings
from tests.support.browser_call import until

ARGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = "https://bot.test/"  # made up, with an answer of ours; a microphone needs https
SCRIPT = """
async () => {
  const pc = window.pc = new RTCPeerConnection();
  const mic = await navigator.mediaDevices.getUserMedia({audio: true});
  pc.addTrack(mic.getTracks()[0], mic);
  pc.ontrack = event => {
    const audio = document.createElement('audio');
    audio.srcObject = new MediaStream([event.track]);
    audio.play();
  };
  pc.onicecandidate = event => window.trickle(event.candidate && event.candidate.toJSON());
  window.negotiate = async () => {
    await pc.setLocalDescription();
    const sdp = await window.offer(pc.localDescription.sdp);
    await pc.setRemoteDescription({type: 'answer', sdp});
  };
  await window.negotiate();
}
"""
HEARD = """
async () => {
  for (const each of (await window.pc.getStats()).values())
    if (each.type === 'inbound-rtp' && each.kind === 'audio')
      return {packets: each.packetsReceived, lost: each.packetsLost, energy: each.totalAudioEnergy,
              concealed: each.concealedSamples, state: window.pc.connectionState};
  return {packets: 0, lost: 0, energy: 0, state: window.pc.connectionState};
}
"""


@contextlib.asynccontextmanager
async def browser_page():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        page = await browser.new_page()
        await page.route(
            PAGE + "**", lambda route: route.fulfill(body="<p>bot", content_type="text/html")
        )
        await page.goto(PAGE)
        try:
            yield page
        finally:
            await browser.close()


class Door:
    """The signalling: functions that the page may call."""

    def __init__(self, endpoint: WebRtcEndpoint) -> None:
        self.endpoint = endpoint
        self.leg = None
        self.heard: list[tuple[float, float]] = []  # time, level in dB

    async def offer(self, sdp: str) -> str:
        if self.leg is not None:
            return await self.leg.renegotiate(sdp)
        self.leg = self.endpoint.offered(sdp, leg_id="room", called="1")
        await self.leg.answer()
        self.listening = asyncio.ensure_future(self.talk())
        return await self.leg.negotiated()

    async def trickle(self, candidate) -> None:
        if self.leg is not None and self.leg.ended is None:
            candidate = candidate or {}
            await self.leg.add_candidate(
                candidate.get("candidate"), candidate.get("sdpMid"), candidate.get("sdpMLineIndex")
            )

    async def talk(self) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        async for frame in self.leg.frames():
            self.heard.append((loop.time(), level_db(frame)))
            number += 1
            at = np.arange(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES) / BUS_HZ
            self.leg.write(np.rint(6000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16))

    def beeps(self, since: int) -> int:
        loud = [level > -40 for _, level in self.heard[since:]]
        return sum(now and not before for before, now in itertools.pairwise(loud))


async def test_chromium_talks_and_restarts_ice():
    endpoint = WebRtcEndpoint(WebRtcSettings(quiet_s=1.0))
    await endpoint.start()
    door = Door(endpoint)
    async with browser_page() as page:
        await page.expose_function("offer", door.offer)
        await page.expose_function("trickle", door.trickle)
        await page.evaluate(SCRIPT)
        await until(lambda: door.beeps(50) >= 2 and len(door.heard) > 130)
        first = await page.evaluate(HEARD)
        assert first["state"] == "connected"
        assert first["packets"] > 100 and first["energy"] > 0.001
        door.leg.events()
        path = door.leg._paths._now

        await page.evaluate("() => { window.pc.restartIce(); return window.negotiate(); }")
        await until(lambda: door.leg._paths._now is not path)
        mark = len(door.heard)
        await until(lambda: door.beeps(mark + 25) >= 2 and len(door.heard) > mark + 130)
        second = await page.evaluate(HEARD)
        assert second["state"] == "connected"
        assert second["packets"] > 100
        assert second["energy"] > first["energy"] + 0.05  # the new path's DTLS is read too
        assert second["lost"] <= 2
        assert door.leg.events() in ([], [Hold(True), Hold(False)])
        gaps = np.diff([at for at, _ in door.heard])
        print(f"{first} {second} longest gap {max(gaps) * 1000:.0f} ms, {door.leg.delays}")
        assert max(gaps) < 0.1
    async with asyncio.timeout(10):
        while Hold(True) not in door.leg.events():  # the page has gone
            await asyncio.sleep(0.05)
    await endpoint.close()
    await door.listening


WITH_CAMERA = SCRIPT.replace("{audio: true}", "{audio: true, video: true}").replace(
    "pc.addTrack(mic.getTracks()[0], mic);",
    "pc.addTrack(mic.getVideoTracks()[0], mic);"
    "pc.addTrack(mic.getAudioTracks()[0], mic);"
    "pc.createDataChannel('chat');",
)


async def test_chromium_offers_more_than_is_taken():
    """A camera first, then the microphone, then a data channel: the microphone is taken, and is
    still heard when the camera is stopped."""
    endpoint = WebRtcEndpoint(WebRtcSettings())
    await endpoint.start()
    door = Door(endpoint)
    async with browser_page() as page:
        await page.expose_function("offer", door.offer)
        await page.expose_function("trickle", door.trickle)
        await page.evaluate(WITH_CAMERA)
        await until(lambda: door.beeps(50) >= 1 and len(door.heard) > 130)
        heard = await page.evaluate(HEARD)
        assert heard["state"] == "connected"
        assert heard["packets"] > 100 and heard["energy"] > 0.001
        directions = await page.evaluate(
            "() => window.pc.getTransceivers().map(each => each.currentDirection)"
        )
        assert directions == ["inactive", "sendrecv"]
        await page.evaluate(
            "() => { window.pc.getTransceivers()[0].stop(); return window.negotiate(); }"
        )
        mark = len(door.heard)
        await until(lambda: door.beeps(mark + 10) >= 1 and len(door.heard) > mark + 60)
        heard = await page.evaluate(HEARD)  # the camera's section had the bundle's transport
        assert heard["state"] == "connected" and heard["packets"] > 20
        assert door.leg.events() != []
        await door.leg.hang_up()
        async with asyncio.timeout(1):  # our goodbye; its connectionState takes five seconds more
            while (
                await page.evaluate("() => window.pc.getSenders()[0].transport.state") != "closed"
            ):
                await asyncio.sleep(0.05)
    await endpoint.close()
    await door.listening
