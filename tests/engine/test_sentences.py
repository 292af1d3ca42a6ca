"""Clauses: as early as they can be spoken, none that cannot, however the stream is chopped."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.sentences import Clause, ClauseCutter

REPLY = (
    "Good morning to you and yours, Dr. Smith is in. He sees people at 3.30 p.m. today, or at 8:30 "
    "on **Mon–Fri**. See [our page, with prices](https://example.com/a_b)!\n\n"
    "- Bring your card\n- Bring 1,250 dollars, e.g. in cash\n\n1. Wait here\n2. Sit down.\n"
    "<think>They may be, well. Confused.</think>Anything else? 😀 *smiles* Bye"
)


def clauses(*pieces: str, language: str = "en") -> list[Clause]:
    cutter = ClauseCutter(language)
    given_out = [clause for piece in pieces for clause in cutter.feed(piece)]
    return given_out + cutter.end()


def written(*pieces: str) -> list[str]:
    return [clause.written for clause in clauses(*pieces)]


def test_a_reply_with_everything_in_it() -> None:
    assert written(REPLY) == [
        "Good morning to you and yours,",
        "Dr. Smith is in.",
        "He sees people at 3.30 p.m. today, or at 8:30 on Mon–Fri.",
        "See our page, with prices!",
        "Bring your card.",
        "Bring 1,250 dollars, e.g. in cash.",
        "1. Wait here.",
        "2. Sit down.",
        "Anything else?",
        "Bye",
    ]


@given(st.lists(st.integers(0, len(REPLY)), max_size=30))
def test_the_clauses_do_not_depend_on_how_the_stream_is_chopped(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(REPLY)]
    pieces = [REPLY[a:b] for a, b in pairwise(places)]
    assert clauses(*pieces) == clauses(REPLY)


@given(st.text(alphabet="ab .,!?\n*_`[]()<>#-12😀", max_size=80))
def test_every_clause_can_be_spoken(text: str) -> None:
    for clause in clauses(text):
        assert any(each.isalnum() for each in clause.written)
        assert not set("*`") & set(clause.spoken)


def test_the_first_clause_is_given_before_the_sentence_ends() -> None:
    cutter = ClauseCutter("en")
    early = cutter.feed("Good morning to you and yours, doctor")
    assert [each.written for each in early] == ["Good morning to you and yours,"]
    assert not cutter.feed(" Smith is in today, as far as I know, yes"), "later by sentence"


@pytest.mark.parametrize(
    "text", ["", "   ", "...", "😀🎉", "**", "---\n", "```\nx = 1\n```", "<think>never", " -- "]
)
def test_nothing_unspeakable_is_given_out(text: str) -> None:
    assert clauses(text) == []


def test_a_list_is_spoken_item_by_item() -> None:
    cutter = ClauseCutter("en")
    assert cutter.feed("* one apple") == []
    (item,) = cutter.feed("\n*")
    assert item.written == "one apple."
    assert cutter.feed(" two") == [] and cutter.end() == [Clause("two", "two")]


def test_thoughts_are_never_spoken_also_in_pieces() -> None:
    assert written("<th", "ink>Hm. Well.", " Or not.\n Yes.</thi", "nk>", "Fine.") == ["Fine."]


def test_a_reply_without_punctuation_is_cut_all_the_same() -> None:
    pieces = written("word " * 2000)
    assert all(len(each) < 340 for each in pieces)
    assert " ".join(pieces) == ("word " * 2000).strip()


def test_an_open_bracket_holds_nothing_up_for_ever() -> None:
    assert written("I have [something to say. " + "And I say more of it. " * 20)[0].startswith("I")
    cutter = ClauseCutter("en")
    cutter.feed("I have [something to say. ")
    assert cutter.feed("And I say more of it. " * 20)


def test_other_scripts_are_left_as_they_are() -> None:
    assert [each.written for each in clauses("你好。今天天气很好。", language="zh")]
    assert clauses("Guten Morgen, Herr Doktor Müller. Um 8 Uhr.", language="de")[-1].spoken == (
        "Um 8 Uhr."
    )


def test_a_long_reply_in_single_characters_takes_little_time() -> None:
    text = "This is one of many sentences, and it has a comma in it. " * 70
    begun = time.process_time()
    assert len(clauses(*text)) >= 70
    assert time.process_time() - begun < 2.0
