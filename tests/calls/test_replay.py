"""Tapes of calls: kept exactly, and the same again byte for byte."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audio.frame import FRAME_S, Samples
from bot.calls import manager as manager_module
from bot.calls.manager import CallManager
from bot.calls.phrasebook import Phrasebook
from bot.calls.replay.exact import Replayed, replay
from bot.calls.replay.settings import fresh_engine
from bot.calls.replay.what_if import story_of
from bot.calls.tape import Recorded, TapedEngine, Told, make_tape, read_tape
from bot.calls.tape_values import KINDS, decode, decode_settings, encode, encode_settings
from bot.config import Call as CallSection
from bot.config import Config, Dialplans, Personas, Recordings, Store
from bot.engine import actions as do
from bot.engine import inputs as told
from bot.engine.engine import CallEngine, EngineSettings
from bot.errors import StoreError
from bot.legs.loopback import loopback
from bot.library import Library
from bot.providers.mock import MockLanguageModel, MockSpeechToText, MockTextToSpeech
from bot.providers.registry import Providers
from bot.store.recorder import CallLog
from bot.store.tape import Tape, flush_tapes
from tests.engine.score import Call, World, persona, voice

FAST = {"turn": {"silence_ms": 700}}


# ---- values


def example(hint: Any) -> Any:
    """Some value of an annotated type."""
    origin, options = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return example(options[0])
    if origin is tuple:
        return (example(options[0]), example(options[0]))
    if origin is Literal:
        return options[0]
    if origin is np.ndarray:
        return np.array([1, -2, 32767], np.int16)
    if issubclass(hint, Enum):
        return list(hint)[-1]
    if hint in KINDS.values():
        return hint(**{name: example(each) for name, each in get_type_hints(hint).items()})
    return {str: 'a "ü"\n', int: -3, float: 0.1 + 0.2, bool: True}[hint]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_input_and_action_comes_back_as_it_was(kind: type) -> None:
    """A new one whose values a tape cannot hold fails here."""
    voices: list[Samples] = []

    def keep(samples: Samples) -> int:
        voices.append(samples)
        return len(voices) - 1

    value = example(kind)
    back = decode(encode(value, keep), voices.__getitem__)
    assert type(back) is kind
    for each in fields(kind):
        was, now = getattr(value, each.name), getattr(back, each.name)
        assert type(now) is type(was)
        assert np.array_equal(now, was) if isinstance(was, np.ndarray) else now == was


def test_what_cannot_be_told_exactly_is_refused() -> None:
    for value in (object(), {"a": 1}, {1, 2}, np.zeros(3), b"bytes"):
        with pytest.raises(TypeError, match="a tape cannot hold"):
            encode(value, len)


def test_settings_come_back_as_they_were() -> None:
    settings = EngineSettings("c1", persona(**FAST), 5.5, 60.1, 0.0625)
    assert decode_settings(encode_settings(settings)) == settings
    with pytest.raises(StoreError, match="setting telepathy, which is unknown here"):
        decode_settings(encode_settings(settings) | {"telepathy": True})


class TapedScore(TapedEngine):
    """What a score looks at besides the entry points."""

    @property
    def state(self) -> Any:
        return self._engine.state  # type: ignore[attr-defined]


def taped(path: Path, world: World | None = None, **changes: object) -> Call:
    """A score whose engine is on tape."""
    call = Call(world, **changes)
    settings = call.engine._settings
    tape: Tape[Told] = make_tape(path, settings, "webrtc")
    call.engine = TapedScore(call.engine, tape)  # type: ignore[assignment]
    return call


def ended(call: Call, path: Path) -> Recorded:
    call.engine.finish(call.now)
    assert flush_tapes()
    return read_tape(path)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20, unique=True))
def test_times_are_kept_to_the_last_bit(tmp_path_factory: Any, times: list[float]) -> None:
    path = tmp_path_factory.mktemp("tape") / "a.tape"
    tape = make_tape(path, EngineSettings("c1", persona()), "webrtc")
    engine = TapedEngine(CallEngine(EngineSettings("c1", persona())), tape)
    for now in sorted(times):
        engine.handle([], now)
    tape.close()
    assert tape.wait(10)
    assert [entry.now for entry in read_tape(path).entries] == sorted(times)


# ---- the same again


QUESTION = "please stop and tell me when you open tomorrow"


async def live_call(folder: Path, score: list[Samples], pace_s: float = 0.001) -> Path:
    """A call over the loopback leg in real threads and tasks, with its tape."""
    (folder / "personas").mkdir()
    (folder / "dialplans").mkdir()
    shown = persona(turn={"silence_ms": 700}).model_dump(exclude={"slug"}, exclude_none=True)
    (folder / "personas" / "test.toml").write_text(toml(shown))
    (folder / "dialplans" / "a.toml").write_text('[default]\npersona = "test"\n')
    config = Config(
        store=Store(path=folder / "bot.db"),
        recordings=Recordings(dir=folder / "recordings"),
        personas=Personas(dir=folder / "personas"),
        dialplans=Dialplans(dir=folder / "dialplans"),
        call=CallSection(record_inputs=True, vad="webrtc"),
    )
    library = Library(config.personas.dir, config.dialplans.dir)
    records = CallLog(config.store.path)
    manager = CallManager(config, library, records, Phrasebook(folder / "phrases"))
    phone, leg = loopback()
    manager.on_call(leg)
    await phone.answered()
    sound = np.concatenate(score)
    frames = iter(np.resize(sound, len(sound) // 960 * 960).reshape(-1, 960))
    async for _ in phone.frames():
        frame = next(frames, None)
        if frame is None:
            await phone.hang_up()
        else:
            phone.write(frame)
        await asyncio.sleep(pace_s)
    await manager.drain("test over", 5.0)
    records.close()
    assert flush_tapes()
    (path,) = (folder / "recordings").rglob("*.tape")
    return path


def toml(table: dict[str, Any]) -> str:
    from tests.support.toml_text import toml as as_toml

    return as_toml(table)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * 48_000), np.int16)


@pytest.fixture
def mock_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = Providers(MockSpeechToText([QUESTION]), MockLanguageModel(), MockTextToSpeech())
    monkeypatch.setattr(manager_module, "providers_for", lambda *_: providers)


SCORE = [quiet(1.5), voice(1.5), quiet(1.6), voice(1.6), quiet(2.5), voice(1.2), quiet(1.5)]


async def test_a_live_call_with_an_interruption_replays_byte_for_byte(
    tmp_path: Path, mock_providers: None
) -> None:
    tape = read_tape(await live_call(tmp_path, SCORE))
    cut = [action for _, action in story_of(tape).did if isinstance(action, do.NoteBot)]
    assert any(note.interrupted for note in cut), "the caller interrupted"
    between = [e for e in tape.entries if e.entry_point == "handle"]
    assert any(e.now % FRAME_S for e in between), "results came between ticks"
    assert any(e.entry_point == "revise" for e in tape.entries)
    ticks = sum(entry.entry_point == "step" for entry in tape.entries)
    actions = sum(len(entry.actions or []) for entry in tape.entries)
    assert tape.complete
    assert replay(tape, fresh_engine(tape)) == Replayed(ticks, actions, None)
    assert ticks * FRAME_S >= sum(map(len, SCORE)) / 48_000 - 0.1


async def test_no_decision_depends_on_the_order_of_hashes(
    tmp_path: Path, mock_providers: None
) -> None:
    path = await live_call(tmp_path, SCORE)
    root = Path(__file__).resolve().parents[2]
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "bot", "replay", str(path)],
            cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("same, ")


def with_first(tape: Recorded, kind: type, change: Any) -> Recorded:
    """The same tape, the first input of a kind changed."""
    entries, done = list(tape.entries), False
    for number, entry in enumerate(entries):
        inputs = list(entry.inputs)
        for index, each in enumerate(inputs):
            if isinstance(each, kind) and not done:
                inputs[index], done = change(each), True
        entries[number] = replace(entry, inputs=tuple(inputs))
    assert done
    return replace(tape, entries=entries)


def talk(path: Path, **changes: object) -> Recorded:
    """Two questions half a breath apart, then an interruption, on the virtual clock."""
    world = World(
        words=["what time do you open", "and where are you"],
        replies=["We open at nine.", "We are at the corner of the market place, on the left side."],
        over_words=["stop wait"] * 9,
    )
    call = taped(path, world, **(FAST | changes))
    call.wait(1.5).speak(1.2).wait(2.6).speak(1.0).wait(1.8).speak(1.3).wait(3.0)
    return ended(call, path)


def test_a_talk_replays_byte_for_byte(tmp_path: Path) -> None:
    tape = talk(tmp_path / "a.tape")
    assert replay(tape, fresh_engine(tape)).difference is None
    assert any(isinstance(a, do.NoteBot) and a.interrupted for _, a in story_of(tape).did)


def test_the_first_difference_is_told(tmp_path: Path) -> None:
    """A single other word, a single other sample."""
    tape = talk(tmp_path / "a.tape")
    other = with_first(tape, told.Transcribed, lambda each: replace(each, text="where are you"))
    found = replay(other, fresh_engine(other)).difference
    assert found is not None
    assert (found.then[0]["is"], found.then[0]["text"]) == ("NoteCaller", "what time do you open")
    assert (found.now[0]["text"], found.turn) == ("where are you", 1)
    heard = next(e.now for e in tape.entries for i in e.inputs if isinstance(i, told.Transcribed))
    assert (found.at, found.entry_point) == (heard, "step")

    other = with_first(tape, told.SpeechAudio, lambda each: replace(each, samples=-each.samples))
    found = replay(other, fresh_engine(other)).difference
    assert found is not None
    assert (found.then, found.now, found.turn) == ([], [], 0)
    assert found.tick < 10


def test_an_engine_under_another_setting_differs(tmp_path: Path) -> None:
    tape = talk(tmp_path / "a.tape")
    found = replay(tape, fresh_engine(tape, changes=["turn.silence_ms=900"])).difference
    assert found is not None
    assert [each["is"] for each in found.then][-1] == "Transcribe"
    assert found.now == []


def test_a_tape_cut_by_a_kill_replays_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    whole = talk(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    tape = read_tape(path)
    assert not tape.complete and 0 < len(tape.entries) < len(whole.entries)
    assert replay(tape, fresh_engine(tape)).difference is None


def test_a_phrase_said_twice_is_kept_once(tmp_path: Path) -> None:
    dice = np.random.default_rng(1)
    clip = dice.normal(0, 3000, 48_000).astype(np.int16)
    sizes = []
    for times in (1, 5):
        path = tmp_path / f"{times}.tape"
        call = taped(path)
        for number in range(5):
            call.tell(told.SpeechAudio(number, 0, clip.copy() if number < times else clip[:0]))
        call.wait(0.2)
        tape = ended(call, path)
        sizes.append(path.stat().st_size)
        voices = [i for e in tape.entries for i in e.inputs if isinstance(i, told.SpeechAudio)]
        assert sum(np.array_equal(each.samples, clip) for each in voices) == times
    assert sizes[1] - sizes[0] < clip.nbytes / 10
