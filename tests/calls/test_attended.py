"""What a person is told of a caller before they get them."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bot.audio.frame import Samples, silence
from bot.calls import attended
from bot.calls.attended import THINK_S, Attended, filled
from bot.calls.prompt import CallFacts
from bot.errors import LegError, ProviderError
from bot.legs.loopback import LoopbackLeg, loopback
from bot.persona import Metadata, Persona
from bot.providers.base import TextToSpeech
from bot.tool_settings import Tools

KNOWN = {"persona": "The garage", "caller": "4 9 3 0", "name": "", "words": "My wheel is broken."}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (Tools().whisper, "A call for The garage. The caller has said: My wheel is broken."),
        ("From {name}. The number is {caller}.", "The number is 4 9 3 0."),
        ("{name} calls.", ""),
        ("Somebody calls.", "Somebody calls."),
        ("", ""),
    ],
)
def test_a_sentence_with_something_unknown_is_left_out(template: str, told: str) -> None:
    assert filled(template, KNOWN) == told


def test_words_of_a_caller_are_no_template() -> None:
    assert filled("They said: {words}", {"words": "{caller} and {name}", "caller": "4"}) == (
        "They said: {caller} and {name}"
    )


SECOND = np.full(48_000, 3000, np.int16)


class Desk:
    """A person on a line without network who presses `key` at a tick; what they heard."""

    def __init__(self, key: str = "", at: int = 0) -> None:
        self.key, self.at = key, at
        self.ticks = self.peak = 0
        self.presses: list[asyncio.Future[None]] = []

    async def dial(self, uri: str, *, caller: str = "bot") -> LoopbackLeg:
        self.ours, self.theirs = loopback()
        await self.theirs.answer()
        self.listening = asyncio.ensure_future(self._listen())
        return self.ours

    async def _listen(self) -> None:
        async for frame in self.theirs.frames():
            self.ticks += 1
            self.peak = max(self.peak, int(np.abs(frame).max()))
            self.theirs.write(silence())
            if self.key and self.ticks == self.at:
                self.presses.append(asyncio.ensure_future(self.theirs.send_digits(self.key)))

    async def offered(
        self, monkeypatch: pytest.MonkeyPatch, accept_key: str, speech: Samples | ProviderError
    ) -> None:
        async def speak(tts: object, text: str, voice: object) -> Samples:
            if isinstance(speech, ProviderError):
                raise speech
            return speech

        monkeypatch.setattr(attended, "speak_whole", speak)
        tools = Tools(targets={"desk": "sip:x@y"}, attended=["desk"], accept_key=accept_key)
        persona = Persona(
            name="P", greeting="Hello.", system_prompt="Be kind.", tools=tools,
            metadata=Metadata(source_template_id="x"),
        )  # fmt: skip
        caller, _ = loopback()
        facts, tts = CallFacts("1000", "77", "", "id"), TextToSpeech
        await Attended(caller, self, persona, facts, tts).hand_over("sip:x@y")  # type: ignore[arg-type]


async def test_answering_is_enough_where_no_key_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    await desk.offered(monkeypatch, "", SECOND)
    assert desk.ours.ended is None and desk.peak == 3000


async def test_the_key_takes_the_caller_in_mid_announcement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk("1", at=40)
    await desk.offered(monkeypatch, "1", SECOND)
    assert desk.ours.ended is None and desk.ticks < 60


@pytest.mark.parametrize("key", ["2", "#"])
async def test_another_key_declines(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    desk = Desk(key, at=40)
    with pytest.raises(LegError, match="declined"):
        await desk.offered(monkeypatch, "1", SECOND)
    assert desk.ours.ended == "bot"


async def test_an_answering_machine_gets_no_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    with pytest.raises(LegError, match="no key"):
        await desk.offered(monkeypatch, "1", SECOND)
    assert desk.ours.ended == "bot"
    assert desk.ticks == pytest.approx((1.4 + THINK_S) * 50, abs=5)


async def test_without_a_voice_the_key_is_still_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk("1", at=60)
    await desk.offered(monkeypatch, "1", ProviderError("tts", "is down", retryable=False))
    assert desk.ours.ended is None and desk.peak == 0
