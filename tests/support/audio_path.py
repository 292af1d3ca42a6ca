"""What the audio path does to a telephone's audio: 8 kHz codec → bridge → bus → bridge → 8 kHz.

The real bridge with the settings of a SIP worker and our real FIR, without clock and network:
a second bridge port at 8 kHz stands where a codec's stream would, and the bridge is drawn as
fast as it goes. pjsip is a singleton, so this runs in a process of its own:

    python -m tests.support.audio_path
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pjsua2 as pj

from bot.audio.frame import FRAME_SAMPLES
from bot.audio.resample import Downsampler, Upsampler
from bot.legs import sip_setup, sip_stack
from bot.legs.bridge import BRIDGE_HZ, SILENCE, BridgePort
from bot.legs.mailbox import Mailbox
from bot.legs.sip_clock import PjmediaFrame

CODEC_HZ = 8_000
LEVEL_TONES_HZ = (1000, 3100)
ALIAS_TONES_HZ = (4900, 5500, 7000, 10_000, 15_000)
PEAK = 16_000.0


def measure_audio_path(*, fast: bool = True) -> dict[str, Any]:
    """{"level_error_db": {"1000": .., "3100": ..}, "alias_db": .., "delay_ms": ..}

    Level errors are absolute values. `alias_db` is the loudest remainder, relative to the tone,
    of a tone on the bus above the codec's band, or the loudest image on the bus of one inside.
    `fast=False` takes the bridge port's documented way instead of the pointers.
    """
    out = subprocess.run(
        [sys.executable, "-m", "tests.support.audio_path", *([] if fast else ["slow"])],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).resolve().parents[2],
    )
    figures: dict[str, Any] = json.loads(out.stdout)
    return figures


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.rint(PEAK * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(
        np.int16
    )


def burst(rate: int) -> np.ndarray:
    """A smooth 1 ms bump in the middle of 200 ms: its centre of gravity survives filtering."""
    at = np.arange(rate // 5) / rate - 0.1
    return np.rint(PEAK * np.exp(-((at / 0.001) ** 2))).astype(np.int16)


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-12))


def steady(samples: np.ndarray) -> np.ndarray:
    """Without the switching on and off."""
    return samples[len(samples) // 4 : -len(samples) // 10]


def centre_s(samples: np.ndarray, rate: int) -> float:
    wide = samples.astype(float)
    return float(np.dot(wide, np.arange(len(wide))) / wide.sum() / rate)


def figures(to_bus: Callable[..., np.ndarray], to_codec: Callable[..., np.ndarray]) -> dict:
    through = {hz: to_codec(to_bus(tone(hz, CODEC_HZ))) for hz in LEVEL_TONES_HZ}
    levels = {
        str(hz): abs(rms_db(steady(heard)) - rms_db(tone(hz, CODEC_HZ)))
        for hz, heard in through.items()
    }
    aliases = [rms_db(steady(to_codec(tone(hz, 48_000)))) for hz in ALIAS_TONES_HZ]
    images = [image_db(to_bus(tone(hz, CODEC_HZ))) for hz in LEVEL_TONES_HZ]
    reference = rms_db(tone(1000, 48_000))
    bump = burst(CODEC_HZ)
    delay_s = centre_s(to_codec(to_bus(bump)), CODEC_HZ) - centre_s(bump, CODEC_HZ)
    bus_s = centre_s(to_bus(bump), 48_000) - centre_s(bump, CODEC_HZ)
    return {
        "level_error_db": {hz: round(value, 3) for hz, value in levels.items()},
        "alias_db": round(max(max(aliases) - reference, *images), 1),
        "delay_ms": round(delay_s * 1000, 2),
        "delay_in_ms": round(bus_s * 1000, 2),
        "delay_out_ms": round((delay_s - bus_s) * 1000, 2),
    }


def image_db(heard: np.ndarray) -> float:
    """Loudest thing above the codec's band on the bus, relative to the tone inside it."""
    kept = steady(heard)
    bins = np.abs(np.fft.rfft(kept * np.blackman(len(kept))))
    hz = np.fft.rfftfreq(len(kept), 1 / 48_000)
    return float(20 * np.log10(bins[hz > 4_300].max() / bins.max()))


class CodecPort(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """Stands where a codec's stream would: says blocks of 20 ms, keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.say: list[bytes] = []
        self.heard: list[bytes] = []
        shape = pj.MediaFormatAudio()
        shape.init(pj.PJMEDIA_TYPE_AUDIO, CODEC_HZ, 1, 20_000, 16)
        self.createPort("codec", shape)

    def onFrameReceived(self, frame: Any) -> None:
        self.heard.append(bytes(frame.buf))

    def onFrameRequested(self, frame: Any) -> None:
        pcm = self.say.pop(0) if self.say else bytes(CODEC_HZ // 50 * 2)
        frame.buf = pj.ByteVector(list(pcm))
        frame.size, frame.type = len(pcm), pj.PJMEDIA_FRAME_TYPE_AUDIO


class Path8k:
    """The bridge with a codec on one side and the bus on the other, drawn by hand."""

    def __init__(self, *, fast: bool = True) -> None:
        library = ctypes.PyDLL(sip_setup.LIBRARY)
        library.pj_log_set_level(0)
        self.endpoint = sip_stack.the_endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(sip_setup.endpoint_config(sip_setup.SipSettings("127.0.0.1:0")))
        self.endpoint.libStart()
        library.pjsua_set_no_snd_dev.restype = ctypes.c_void_p
        library.pjmedia_port_get_frame.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._master = library.pjsua_set_no_snd_dev()
        self._get_frame = library.pjmedia_port_get_frame
        self._buffer = ctypes.create_string_buffer(len(SILENCE))
        self._codec = sip_stack.immortal(CodecPort())
        self._ours = sip_stack.immortal(BridgePort("ours", fast=fast))
        self._codec.startTransmit(self._ours)
        self._ours.startTransmit(self._codec)
        self._settle()

    def to_bus(self, samples: np.ndarray) -> np.ndarray:
        box = self._ours.mailbox = Mailbox(SILENCE)
        up = Upsampler(BRIDGE_HZ)
        self._codec.say = [part.tobytes() for part in samples.reshape(-1, CODEC_HZ // 50)]
        out = []
        while self._codec.say:
            self._draw()
            out.append(up.process(np.frombuffer(box.arrived or SILENCE, np.int16)))
        self._settle()
        return np.concatenate(out)

    def to_codec(self, samples: np.ndarray) -> np.ndarray:
        box = self._ours.mailbox = Mailbox(SILENCE)
        down = Downsampler(BRIDGE_HZ)
        self._codec.heard = []
        for part in samples.reshape(-1, FRAME_SAMPLES):
            box.outbound.append(down.process(part).tobytes())
            self._draw()
        heard = np.frombuffer(b"".join(self._codec.heard), np.int16)
        self._settle()
        return heard

    def _settle(self) -> None:
        """Empty the filters; also, ports are connected inside the first draws."""
        for _ in range(25):
            self._draw()

    def _draw(self) -> None:
        frame = PjmediaFrame(buf=ctypes.addressof(self._buffer), size=len(SILENCE))
        self._get_frame(self._master, ctypes.byref(frame))


if __name__ == "__main__":
    path = Path8k(fast="slow" not in sys.argv)
    print(json.dumps(figures(path.to_bus, path.to_codec)))
    path.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
