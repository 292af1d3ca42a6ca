"""A reply ends with the sentence that reaches the limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.base import Message, Piece, Tool, ToolCall
from bot.providers.brevity import Brief

TEN = "one two three four five six seven eight nine ten"
TOOL = Tool("hang_up", "x", {"type": "object"})
CALL = ToolCall("1", "hang_up", "{}")


class Writes:
    """A model that writes these pieces."""

    name = "writes"

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces, self.read, self.left = pieces, 0, False

    async def reply(self, messages: Sequence[Message], **_: object) -> AsyncIterator[Piece]:
        try:
            for piece in self.pieces:
                self.read += 1
                yield piece
        finally:
            self.left = True

    async def close(self) -> None: ...


async def heard(llm: Writes, words: int = 10, tools: Sequence[Tool] = ()) -> list[Piece]:
    return [piece async for piece in Brief(llm, words, "en").reply([], tools=tools)]


def text(pieces: Sequence[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Short.", "Short."),
        (f"{TEN}. And more. And more.", f"{TEN}. "),
        (f"I am here. {TEN}. And more.", f"I am here. {TEN}. "),
        (f"{TEN} to Dr. Smith now. And more.", f"{TEN} to Dr. Smith now. "),
        (f"{TEN}?! Yes. No.", f"{TEN}?! "),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_whole_sentences_are_kept(written: str, kept: str, size: int) -> None:
    llm = Writes([written[at : at + size] for at in range(0, len(written), size)])
    assert text(await heard(llm)) == kept
    assert llm.left


async def test_a_sentence_without_end_is_cut_and_the_model_left() -> None:
    llm = Writes([f"word{n} " for n in range(1000)])
    assert len(text(await heard(llm)).split()) == 21
    assert llm.read < 30 and llm.left


async def test_a_tool_behind_too_many_words_still_counts() -> None:
    llm = Writes([f"{TEN}. ", "And more. ", CALL])
    assert await heard(llm, tools=[TOOL]) == [f"{TEN}. ", CALL]


async def test_but_a_model_is_not_read_for_ever() -> None:
    llm = Writes([f"{TEN}. ", *(["And more. "] * 100), CALL])
    assert CALL not in await heard(llm, tools=[TOOL])
    assert llm.read < 15


@given(st.text(alphabet="ab .!?\n", max_size=300), st.integers(1, 20))
def test_what_is_heard_is_the_beginning_of_what_was_written(written: str, size: int) -> None:
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    said = text(asyncio.run(heard(Writes(pieces))))
    assert written.startswith(said)
    assert len(said.split()) >= min(10, len(written.split()))
    assert len(said.split()) <= 2 * 10 + size
