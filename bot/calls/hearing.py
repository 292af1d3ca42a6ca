"""Which speech detector a call gets, and Silero's model, loaded once a process."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Literal

import structlog

from bot.audio.silero import SileroVad
from bot.audio.vad import VoiceActivity, WebRtcVad

log = structlog.get_logger(__name__)

PACKAGE, WEIGHTS = "faster_whisper", Path("assets/silero_vad_v6.onnx")
# webrtcvad hears every onset 40 ms sooner, but takes a quarter of all coughs, slams and clicks for
# speech (Silero 1.5 %) and a third of a line with noise at 10 dB (7 %); an interruption is paused
# for in 160 ms all the same. Measured on narrow and wide band, `make eval-turns STAGES=detectors`.
BY_CODEC: dict[str, Literal["webrtc", "silero"]] = {
    "PCMU": "silero",
    "PCMA": "silero",
    "G722": "silero",
    "opus": "silero",
}


def voice_activity(choice: str, codec: str) -> VoiceActivity:
    """A fresh detector for one call; webrtcvad where Silero's weights are missing."""
    name = BY_CODEC.get(codec, "silero") if choice == "auto" else choice  # a key of config.toml
    if name == "webrtc":
        return WebRtcVad()
    session = silero_session()
    return WebRtcVad() if session is None else SileroVad(session)


@cache
def silero_session(path: Path | None = None) -> Any | None:
    """The model from its package or a file, None when it is not there. One thread."""
    import onnxruntime

    path = path or packaged()
    if path is None or not path.is_file():
        log.warning("no weights of Silero, webrtcvad listens", path=str(path or PACKAGE))
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def packaged() -> Path | None:
    """Where the package keeps the weights; found without importing it, which takes seconds."""
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent / WEIGHTS if spec is not None and spec.origin else None
