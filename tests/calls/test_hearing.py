"""Which detector a call gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.audio.silero import SileroVad
from bot.audio.vad import WebRtcVad
from bot.calls import hearing


def test_the_choice_of_the_configuration_is_kept() -> None:
    assert isinstance(hearing.voice_activity("webrtc", "PCMU"), WebRtcVad)
    assert isinstance(hearing.voice_activity("silero", "G722"), SileroVad)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "opus", ""])
def test_auto_goes_by_the_codec(codec: str) -> None:
    wanted = {"silero": SileroVad, "webrtc": WebRtcVad}[hearing.BY_CODEC.get(codec, "silero")]
    first, second = (hearing.voice_activity("auto", codec) for _ in range(2))
    assert isinstance(first, wanted) and first is not second


def test_a_model_of_one_s_own_can_be_named() -> None:
    packaged = hearing.packaged()
    assert packaged is not None and hearing.silero_session(packaged) is not None


def test_without_weights_webrtcvad_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hearing.silero_session(Path("nowhere.onnx")) is None
    monkeypatch.setattr(hearing, "silero_session", lambda: None)
    assert isinstance(hearing.voice_activity("silero", "PCMU"), WebRtcVad)
