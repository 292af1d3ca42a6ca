"""A persona's voice settings as heard: pace, pitch, loudness of Piper, espeak-ng and clouds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.audio.frame import BUS_HZ, Samples
from bot.audio.leveller import TARGET_DB
from bot.audio.resample import to_bus
from bot.errors import ProviderError
from bot.providers import shaped
from bot.providers.base import Setting, TextToSpeech, Voice
from bot.providers.chain import Chain, Link
from bot.providers.circuit import Circuit
from bot.providers.espeak import Espeak
from bot.providers.fallback import FallbackTextToSpeech, speaker
from bot.providers.mock import MockTextToSpeech
from bot.providers.piper_local import PiperLocal
from bot.providers.shaped import Shaped
from tests.support.p56 import active_level_db
from tests.support.pitch import ratio

ROOT = Path(__file__).resolve().parents[2]
CLAUSES = (
    "Hello, this is the clinic, how can I help you today?", "One moment.",
    "We are open from nine to five.", "Yes.", "On Saturdays we close at noon.",
    "Could you tell me your date of birth, please?", "Thank you for calling.",
)  # fmt: skip


class Joe:
    """Piper, who says nothing twice the same way, by tape: text and speed have one rendering."""

    name, does = "joe", PiperLocal.does

    def __init__(self, piper: PiperLocal) -> None:
        self._piper, self.rate = piper, piper.rate
        self._tape: dict[tuple[str, Voice], list[Samples]] = {}

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        if (text, voice) not in self._tape:
            said = [chunk async for chunk in self._piper.speak(text, voice=voice)]
            self._tape[text, voice] = said
        for chunk in self._tape[text, voice]:
            yield chunk

    async def close(self) -> None:
        await self._piper.close()


class Cloud:
    """Joe at 24 kHz at another level, in small chunks, as a cloud streams; no settings of its own.

    `does` may be widened, to see what it is asked for.
    """

    name, rate = "cloud", 24_000

    def __init__(self, joe: Joe, gain_db: float, does: frozenset[Setting]) -> None:
        self._joe, self._gain, self.does = joe, 10 ** (gain_db / 20), does
        self.voices: list[Voice] = []
        self.left = 0

    async def speak(self, text: str, *, voice: Voice) -> AsyncIterator[Samples]:
        self.voices.append(voice)
        try:
            async for sentence in self._joe.speak(text, voice=Voice()):
                loud = np.clip(sentence * self._gain, -32768, 32767).astype(np.int16)
                for at in range(0, len(loud), 1111):
                    yield loud[at : at + 1111]
                    await asyncio.sleep(0)
            if "fails" in text:
                raise ProviderError(self.name, "broke off", retryable=True)
        finally:
            self.left += 1

    async def close(self) -> None:
        """Joe is closed by whoever made him."""


@pytest.fixture(scope="module")
def joe() -> Iterator[Joe]:
    made = Joe(PiperLocal())
    yield made
    asyncio.run(made.close())


def engine(name: str, joe: Joe) -> TextToSpeech:
    gains = {"quiet cloud": -18.0, "loud cloud": 8.0}
    if name in gains:
        return Cloud(joe, gains[name], frozenset())
    return Espeak() if name == "espeak" else joe


async def at_bus(tts: TextToSpeech, text: str, voice: Voice) -> np.ndarray:
    convert = to_bus(tts.rate)
    chunks = [chunk async for chunk in tts.speak(text, voice=voice)]
    assert all(len(chunk) for chunk in chunks)
    return np.concatenate([convert(chunk) for chunk in chunks])


@pytest.mark.parametrize("name", ["piper", "espeak", "quiet cloud", "loud cloud"])
async def test_all_voices_are_equally_loud_and_none_clips(joe: Joe, name: str) -> None:
    tts, own = Shaped(engine(name, joe)), engine(name, joe)
    said = [await at_bus(tts, clause, Voice()) for clause in CLAUSES]
    before = np.concatenate([await at_bus(own, clause, Voice()) for clause in CLAUSES])
    after = np.concatenate(said)
    level_db = active_level_db(after, BUS_HZ)
    print(f"\n{name}: {active_level_db(before, BUS_HZ):.1f} → {level_db:.1f} dBFS", end=" ")
    assert level_db == pytest.approx(TARGET_DB, abs=1)
    assert active_level_db(said[0], BUS_HZ) == pytest.approx(TARGET_DB, abs=2.5)
    assert np.abs(after.astype(int)).max() < 32_700
    assert len(after) == pytest.approx(len(before), rel=0.001)


async def test_a_short_yes_stays_as_loud_as_the_voice_says_it(joe: Joe) -> None:
    tts = Shaped(joe)
    gains = []
    for clause in [*CLAUSES, "Yes."]:
        own, out = [await at_bus(each, clause, Voice()) for each in (joe, tts)]
        gains.append(active_level_db(out, BUS_HZ) - active_level_db(own, BUS_HZ))
    assert abs(gains[-1] - gains[-2]) < 0.8, "the gain is the voice's"


@pytest.mark.parametrize("name", ["piper", "espeak", "quiet cloud"])
async def test_four_semitones_are_a_quarter_more_hertz(joe: Joe, name: str) -> None:
    tts = Shaped(engine(name, joe))
    usual, high, low = [
        np.concatenate([await at_bus(tts, clause, Voice(pitch=pitch)) for clause in CLAUSES[:3]])
        for pitch in (0, 4, -4)
    ]
    assert ratio(high, usual, BUS_HZ) == pytest.approx(1.26, rel=0.03)
    assert ratio(low, usual, BUS_HZ) == pytest.approx(0.794, rel=0.03)
    assert len(high) == pytest.approx(len(usual), rel=0.03)


@pytest.mark.parametrize("name", ["piper", "espeak", "quiet cloud"])
async def test_a_quarter_faster_takes_a_fifth_less(joe: Joe, name: str) -> None:
    tts = Shaped(engine(name, joe))
    usual, fast = [
        np.concatenate([await at_bus(tts, clause, Voice(speed=speed)) for clause in CLAUSES])
        for speed in (1.0, 1.25)
    ]
    assert len(fast) / len(usual) == pytest.approx(0.8, abs=0.04)
    assert active_level_db(fast, BUS_HZ) == pytest.approx(TARGET_DB, abs=1)


async def test_a_provider_is_asked_for_what_it_does_and_no_more(joe: Joe) -> None:
    wish = Voice(preset_id="ann", speed=1.2, pitch=3.0, style="calm", language="de")
    for does, asked in (
        ({"speed", "style"}, Voice("", "ann", 1.2, 0.0, "calm", "de")),
        ({"pitch"}, Voice("", "ann", 1.0, 3.0, "calm", "de")),
        ({"speed", "pitch"}, wish),
    ):
        cloud = Cloud(joe, 0, frozenset(does))
        await at_bus(Shaped(cloud), "Yes.", wish)
        assert cloud.voices == [asked]


async def test_a_stream_is_left_when_nobody_wants_the_rest(joe: Joe) -> None:
    for voice in (Voice(), Voice(pitch=2.0)):
        cloud = Cloud(joe, 0, frozenset())
        stream = Shaped(cloud).speak(CLAUSES[0], voice=voice)
        assert len(await anext(stream))
        await stream.aclose()
        assert cloud.left == 1


async def test_an_error_of_the_provider_comes_through(joe: Joe) -> None:
    for voice in (Voice(), Voice(pitch=2.0)):
        with pytest.raises(ProviderError, match="broke off"):
            await at_bus(Shaped(Cloud(joe, 0, frozenset())), "This fails.", voice)


async def test_clauses_at_the_same_time_do_not_mix(joe: Joe) -> None:
    tts = Shaped(Cloud(joe, 0, frozenset()))
    for _ in range(2):
        await at_bus(tts, CLAUSES[0], Voice(pitch=2.0))  # the level is known from here on
    alone = await at_bus(tts, CLAUSES[2], Voice(pitch=2.0))
    other, mixed = await asyncio.gather(
        at_bus(tts, CLAUSES[5], Voice(pitch=2.0)), at_bus(tts, CLAUSES[2], Voice(pitch=2.0))
    )
    assert len(alone) == len(mixed) != len(other)
    assert np.corrcoef(alone, mixed)[0, 1] > 0.999


def test_a_voice_as_it_is_imports_nothing() -> None:
    script = (
        "import asyncio, sys\n"
        "from bot.providers.mock import MockTextToSpeech\n"
        "from bot.providers.base import Voice\n"
        "from bot.providers.shaped import Shaped\n"
        "async def say(voice):\n"
        "    return [c async for c in Shaped(MockTextToSpeech()).speak('a b c d e', voice=voice)]\n"
        "asyncio.run(say(Voice(speed=1.5)))\n"
        "print('pedalboard' in sys.modules)\n"
        "asyncio.run(say(Voice(pitch=1.0)))\n"
        "print('pedalboard' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_what_is_kept_of_a_voice_is_told_apart_by_its_shaping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def named() -> str:
        chain = Chain([Link(Shaped(MockTextToSpeech()), Circuit())])
        return speaker(FallbackTextToSpeech(chain))

    usual = {named(), speaker(MockTextToSpeech())}
    monkeypatch.setattr(shaped, "TARGET_DB", -23.0)
    usual.add(named())
    monkeypatch.setattr(shaped, "SHAPING", 99)
    usual.add(named())
    assert len(usual) == 4 and all(each.startswith("mock ") for each in usual)
