"""Which keys count: one press may arrive as an event of RFC 4733, as an INFO and as a tone.

Pure: told of what came and when, in seconds of the leg's audio.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from bot.audio.dtmf import KeyDetector, key_tones
from bot.audio.frame import FRAME_S
from bot.legs.bridge import BRIDGE_BYTES, BRIDGE_HZ, SILENCE

SAME_PRESS_S = 1.0  # an INFO comes when the key is released, a tone is heard at once

INBAND = "inband"


class Keypad:
    """One leg's. `inband`: "auto", "on" or "off"; auto listens for tones where the far side has no
    events, and until it sends a key in another way."""

    def __init__(self, inband: str) -> None:
        self._mode = inband
        self._detector = KeyDetector(BRIDGE_HZ)
        self._events = True  # RFC 4733 was agreed on
        self._signalled = False  # keys come by SIP or RTP events
        self._last = ("", "", 0.0)  # key, way, time
        self._now = 0.0
        self._to_send: deque[bytes] = deque()

    def agreed(self, *, events: bool) -> None:
        """A stream was made; can the far side take and send events?"""
        self._events = events

    def pressed(self, key: str, way: str) -> bool:
        """A key came; False for the second sign of the same press."""
        self._signalled = self._signalled or way != INBAND
        last, by, at = self._last
        if key == last and way != by and self._now - at < SAME_PRESS_S:
            return False
        self._last = (key, way, self._now)
        return True

    def listen(self, pcm: bytes | None) -> tuple[str, bytes]:
        """20 ms of the caller, None where nothing came → the key that was recognised, "" for none,
        and the audio, in which the tone of a key is silence: nobody said it."""
        self._now += FRAME_S
        sound = pcm or SILENCE
        if self._mode == "off" or (self._mode == "auto" and (self._events or self._signalled)):
            return "", sound
        keys = self._detector.hear(np.frombuffer(sound, np.int16))
        return keys.pressed, SILENCE if keys.tone else sound

    # ---- keys of ours -------------------------------------------------------------------------

    @property
    def needs_tones(self) -> bool:
        """Must keys be sent as tones?"""
        return not self._events

    def send(self, keys: str) -> None:
        """As tones, from the next frame on."""
        sound = key_tones(keys, BRIDGE_HZ).tobytes()
        self._to_send.extend(
            sound[at : at + BRIDGE_BYTES].ljust(BRIDGE_BYTES, b"\0")
            for at in range(0, len(sound), BRIDGE_BYTES)
        )

    def next_tone(self) -> bytes | None:
        """20 ms to be sent instead of what the bot says; None: let it speak."""
        return self._to_send.popleft() if self._to_send else None
