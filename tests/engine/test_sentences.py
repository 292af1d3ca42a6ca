"""Clauses: as early as they can be spoken, and none that cannot."""

from __future__ import annotations

from bot.engine.sentences import ClauseCutter


def test_clauses_come_as_early_as_they_can_be_spoken() -> None:
    cutter = ClauseCutter("en")
    stream = (
        "Good morning to you and yours, Dr. Smith is in. He sees people at 3.30 p.m. today. Bye"
    )
    given = [clause for word in stream.split(" ") for clause in cutter.feed(word + " ")]
    given += cutter.end()
    assert given[0].written == "Good morning to you and yours,"
    assert " ".join(each.written for each in given) == stream
    assert not any(clause.written in ("Dr.", "p.m.") for clause in given)


def test_nothing_unspeakable_is_given_out() -> None:
    cutter = ClauseCutter("en")
    assert cutter.feed("... ") + cutter.feed(" -- ") + cutter.end() == []
