"""Headers and users out of requests as they come, also malformed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.legs.sip_message import display_name, headers_of, user_of

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
