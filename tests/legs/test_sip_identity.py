"""Who was dialled and who calls, out of headers as carriers and others send them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.legs.sip_identity import Calling, Dialled, calling, dialled, how_found, values_of
from bot.legs.sip_message import MOST_NAME, headers_of

EVERYWHERE = ("p-called-party-id", "history-info", "diversion", "to", "request-uri")
ORDER = ("p-asserted-identity", "remote-party-id", "from")
HEADERS = {
    "request-uri": "sip:1@host",
    "to": '"Sales, Berlin" <sip:2@host>',
    "diversion": "<sip:9@pbx>;reason=user-busy, <sip:3@pbx>;reason=no-answer",
    "history-info": "<sip:4@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:5@x>;index=1.1",
    "p-called-party-id": "<sip:6@carrier>",
}


@pytest.mark.parametrize(
    ("header", "number"),
    [("request-uri", "1"), ("to", "2"), ("diversion", "3"), ("history-info", "4"),
     ("p-called-party-id", "6")],
)  # fmt: skip
def test_each_header_can_tell_the_number(header: str, number: str) -> None:
    assert dialled(HEADERS, [header]) == Dialled(number, header)


def test_the_first_header_that_is_there_counts() -> None:
    assert dialled(HEADERS, EVERYWHERE).number == "6"
    assert dialled({"request-uri": "sip:1@h"}, EVERYWHERE) == Dialled("1", "request-uri")
    assert (
        dialled({"to": "<sip:host>", "request-uri": "sip:1@h"}, ["to", "request-uri"]).number == "1"
    )
    assert dialled({}, EVERYWHERE) == Dialled("", "")


def test_the_name_of_the_account_is_no_number_while_another_header_may_tell_one() -> None:
    headers = {"request-uri": "sip:bot@h", "to": "<sip:+4930@h>"}
    assert dialled(headers, ["request-uri", "to"]) == Dialled("+4930", "to")
    assert dialled(headers, ["request-uri"]) == Dialled("bot", "request-uri")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"from": '"Ada" <sip:1@h>;tag=x'}, Calling("1", "Ada", "from")),
        (
            {"from": "<sip:1@h>", "p-asserted-identity": '"B. C." <sip:+492@h>, <tel:+492>'},
            Calling("+492", "B. C.", "p-asserted-identity"),
        ),
        ({"from": "<sip:1@h>", "p-asserted-identity": "<sip:carrier>"}, Calling("1", "", "from")),
        ({"p-asserted-identity": "tel:+4930;ext=1"}, Calling("+4930", "", "p-asserted-identity")),
        (
            {"from": "<sip:1@h>", "remote-party-id": '"D" <sip:3@h>;party=calling;privacy=off'},
            Calling("3", "D", "remote-party-id"),
        ),
        ({"remote-party-id": "<sip:3@h>;privacy=full"}, Calling("", "", "remote-party-id")),
        ({"from": "<sip:1@h>", "privacy": "header;id"}, Calling("", "", "from")),
        ({"from": "<sip:1@h>", "privacy": "none"}, Calling("1", "", "from")),
        ({"from": '"Ada" <sip:x@anonymous.invalid>'}, Calling("", "", "from")),
        ({"from": "<sip:Anonymous@h>"}, Calling("", "", "from")),
        (
            {"from": "<sip:anonymous@h>", "p-asserted-identity": "<sip:+492@h>"},
            Calling("", "", "p-asserted-identity"),
        ),
        (
            {"from": "<sip:unknown@h>", "p-asserted-identity": "<sip:+492@h>"},
            Calling("+492", "", "p-asserted-identity"),
        ),
        ({"from": '"Anonymous" <sip:1@h>'}, Calling("1", "", "from")),
        ({"from": '"1" <sip:1@h>'}, Calling("1", "", "from")),
        ({"from": '"<sip:evil@y>, x" <sip:1@h>'}, Calling("1", "<sip:evil@y>, x", "from")),
        ({"from": f'"{"x" * 500}" <sip:1@h>'}, Calling("1", "x" * MOST_NAME, "from")),
        ({}, Calling("", "", "")),
    ],
)
def test_who_calls(headers: dict[str, str], expected: Calling) -> None:
    assert calling(headers, ORDER) == expected


def test_commas_within_quotes_and_brackets_part_nothing() -> None:
    assert values_of('"a, b" <sip:1@h,x>;q=1, <sip:2@h>,,') == [
        '"a, b" <sip:1@h,x>;q=1',
        "<sip:2@h>",
    ]


def test_what_is_worth_telling() -> None:
    usual, whom = Calling("1", "", "from"), Dialled("1000", "request-uri")
    assert how_found(whom, usual, "1000") == ""
    assert how_found(whom, usual, "+491000") == "dialled 1000 in request-uri"
    told = how_found(Dialled("1", "diversion"), Calling("2", "", "remote-party-id"), "1")
    assert told == "dialled 1 in diversion; caller in remote-party-id"


@given(st.text(), st.text(), st.text())
def test_no_text_makes_it_raise(value: str, other: str, privacy: str) -> None:
    headers = dict.fromkeys((*EVERYWHERE, *ORDER), value) | {"privacy": privacy, "to": other}
    dialled(headers, EVERYWHERE)
    calling(headers, ORDER)
    headers = headers_of(f"INVITE sip:1 SIP/2.0\r\nDiversion: {value}\r\nf: {other}")
    dialled(headers, EVERYWHERE)
    calling(headers, ORDER)


def test_of_two_asserted_identities_the_number_is_taken() -> None:
    asserted = {"p-asserted-identity": '"Ada" <sip:ada@x>, <tel:+49-30-123>'}
    who = calling(asserted, ["p-asserted-identity"])
    assert (who.number, who.name) == ("+49-30-123", "Ada")


@pytest.mark.parametrize(
    "piece", ["<", '"', '"\\"', '"x<', "sip:", "sip:;", "sips:a;", "tel:", ";privacy=", ","]
)
def test_what_never_ends_costs_no_time(piece: str) -> None:
    """As much as pjsip takes in one message; a search that begins anew each time takes 0.2-0.8 s,
    on the thread that answers everybody."""
    text = piece * (3900 // len(piece))
    headers = dict.fromkeys(("diversion", "p-asserted-identity", "remote-party-id", "from"), text)
    began = time.process_time()
    dialled(headers, ["diversion"])
    calling(headers, ["p-asserted-identity", "remote-party-id", "from"])
    assert time.process_time() - began < 0.1
