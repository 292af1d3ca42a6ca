"""Headers and users out of requests as they come, also malformed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.legs.sip_message import (
    display_name,
    headers_of,
    timer_too_short,
    transaction_of,
    user_of,
)

INVITE = (
    "INVITE sip:1000@host:5060;user=phone SIP/2.0\r\n"
    "v: SIP/2.0/UDP a;branch=1\r\n"
    "Via: SIP/2.0/UDP b;branch=2\r\n"
    'f: "sip:fake@x" <sip:+4930%2A1@pbx.example;user=phone>;tag=1\r\n'
    "t : <sip:1000@host>\r\n"
    "Diversion: <sip:9@pbx>\r\n"
    " ;reason=no-answer\r\n"
    "i: abc\r\n"
    "\r\n"
    "v=0\r\nFrom: not a header\r\n"
)


def test_compact_folded_and_repeated_headers():
    headers = headers_of(INVITE)
    assert headers["request-uri"] == "sip:1000@host:5060;user=phone"
    assert headers["via"] == "SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2"
    assert headers["diversion"] == "<sip:9@pbx> ;reason=no-answer"
    assert headers["call-id"] == "abc" and headers["to"] == "<sip:1000@host>"
    assert user_of(headers["from"]) == "+4930*1"


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("sip:1000@host", "1000"),
        ("<sips:a.b@host;transport=tls>", "a.b"),
        ("<sip:+49;phone-context=x@host>", "+49"),
        ("tel:+4930123;ext=1", "+4930123"),
        ("sip:host.example", ""),
        ('"x <sip:evil@y>" <sip:good@host>', "good"),
        ("sip:user:secret@host", "user"),
        ("", ""),
    ],
)
def test_user_part(address, user):
    assert user_of(address) == user


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ('"Ada Lovelace" <sip:1@host>;tag=x', "Ada Lovelace"),
        ('"Ada \\"A\\" L." <sip:1@host>', 'Ada "A" L.'),
        ("Ada Lovelace <sip:1@host>", "Ada Lovelace"),
        ("<sip:1@host>", ""),
        ("sip:1@host", ""),
        ("", ""),
    ],
)
def test_the_name_a_line_shows(address, name):
    assert display_name(address) == name


@given(st.text())
def test_no_text_makes_it_raise(text):
    headers_of(text)
    display_name(text)
    headers_of("INVITE sip:1 SIP/2.0\r\n" + text)
    user_of(text)


def test_an_invite_is_known_by_its_call_its_caller_and_its_number():
    headers = headers_of(INVITE.replace("i: abc", "i: abc\r\nCSeq: 7 INVITE"))
    assert transaction_of(headers) == ("abc", "1", "7 INVITE")
    other_way = headers | {"via": "SIP/2.0/UDP c;branch=3", "request-uri": "sip:1000@elsewhere"}
    assert transaction_of(other_way) == transaction_of(headers)
    assert transaction_of(headers | {"cseq": "8 INVITE"}) != transaction_of(headers)
    quoted = headers | {"from": '"a;tag=9" <sip:a@b;tag=8>;x=y; Tag = z;q'}
    assert transaction_of(quoted)[1] == "z"
    assert transaction_of({}) == ("", "", "")


@pytest.mark.parametrize(
    ("wanted", "supported", "short"),
    [
        ("89", "timer", True),
        ("30;refresher=uac", "100rel, TIMER", True),
        ("90", "timer", False),
        ("89", "replaces", False),
        ("89", "", False),
        ("", "timer", False),
        ("soon", "timer", False),
        ("-1", "timer", False),
    ],
)
def test_sessions_shorter_than_we_refresh(wanted, supported, short):
    assert timer_too_short({"session-expires": wanted, "supported": supported}) is short
    assert not timer_too_short({})


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_they_say_of_tags_and_timers_is_read(sender, expires):
    transaction_of({"from": sender})
    timer_too_short({"session-expires": expires, "supported": "timer"})
