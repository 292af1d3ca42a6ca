"""The table of cases in CI, each a test of its own; the slow ones are `make conformance`'s."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sip.conformance.desk import made_bot
from tests.sip.conformance.ordeal import torture
from tests.sip.conformance.replies import wrong_with
from tests.sip.conformance.report import DOCUMENT
from tests.sip.conformance.run import SLOW_S, Outcome, run
from tests.sip.conformance.table import CASES
from tests.sip.conformance.torture import mutated_messages, torture_messages
from tests.support.bot_process import BotProcess

QUICK = [name for name, each in CASES.items() if each.wait_s < SLOW_S]
MUTATIONS = 1500


@pytest.fixture(scope="module")
def judged_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    made = made_bot(tmp_path_factory.mktemp("conformance"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def outcomes(judged_bot: BotProcess) -> dict[str, Outcome]:
    """All quick cases, run at once; each test looks at its own."""
    done = asyncio.run(run(judged_bot, QUICK))
    return {each.case.name: each for each in done}


@pytest.mark.parametrize("name", QUICK)
def test_case(name: str, outcomes: dict[str, Outcome]) -> None:
    assert not outcomes[name].wrong, outcomes[name].wrong


def test_torture_kills_nothing_and_no_reply_breaks_the_grammar(judged_bot: BotProcess) -> None:
    ordeal = asyncio.run(torture(judged_bot, MUTATIONS))
    assert ordeal.sent == MUTATIONS + 2 * 49
    assert ordeal.died == 0, ordeal.killers
    assert ordeal.replies > 200 and not ordeal.broken, ordeal.broken
    assert ordeal.survived and ordeal.rtp_lost == 0
    assert ordeal.rtp_p99_ms < 60, "other tests run beside this one; alone it is below 40"
    assert ordeal.open_records == 0


def test_the_messages_are_those_of_the_rfc() -> None:
    messages = torture_messages()
    assert len(messages) == 49
    for name in ("wsinv", "esc01", "longreq", "mpart01", "unreason", "sdp01", "bcast"):
        head, _, body = messages[name].partition(b"\r\n\r\n")
        told = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
        assert told and int(told[1]) == len(body), name
    assert b"\x00" in messages["intmeth"] and messages["noreason"].startswith(b"SIP/2.0 100 \r\n")
    assert b"really" * 20 in messages["longreq"]
    first, again = (list(mutated_messages(50, [b"BYE sip:x SIP/2.0\r\n\r\n"])) for _ in range(2))
    assert first == again


ASKED = (
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: c\r\n"
    b"CSeq: 1 OPTIONS\r\n"
)
TOLD = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\n"
    b"To: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 2\r\n\r\nhi"
)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b"", b"", ""),
        (b"200 OK", b"200", "status line"),
        (b"To: <sip:b>\r\n", b"", "0 times to"),
        (b"Length: 2", b"Length: 3", "Content-Length"),
        (b"From: <sip:a>", b"From: <sip:\na>", "a bare CR or LF"),
        (b"Call-ID: c", b"Call-ID: other", "Call-ID of nobody"),
        (b"1 OPTIONS", b"one OPTIONS", "CSeq"),
        (b"z9hG4bK1", b"z9hG4bK2", "branch of nobody"),
        (b"SIP/2.0/UDP h", b"h", "Via"),
        (b"\r\n\r\nhi", b"\r\nhi", "no blank line"),
    ],
)
def test_the_judge_of_replies_sees_what_is_wrong(old: bytes, new: bytes, wrong: str) -> None:
    found = wrong_with(TOLD.replace(old, new, 1), [ASKED])
    assert found.startswith(wrong) and bool(found) == bool(wrong), found


def test_the_document_has_every_case() -> None:
    text = Path(DOCUMENT).read_text("utf-8")
    told = set(re.findall(r"^\| `([-a-z0-9]+)` \|", text, re.MULTILINE))
    assert told == set(CASES)
    assert len(CASES) >= 36
