"""Packets that pjsip cannot read, and what can be mended of them without moving an octet."""

from hypothesis import given
from hypothesis import strategies as st

from bot.legs.sip_repair import repaired

NOTIFY = (
    b"NOTIFY sip:bot@127.0.0.1 SIP/2.0\r\nEvent: refer\r\n"
    b"%s: terminated;reason=reason=noresource\r\nContent-Length: 16\r\n\r\n"
    b"SIP/2.0 200 Ok\r\n"
)


def test_parameters_of_the_state_are_blanked_out():
    for name in (b"Subscription-State", b"SUBSCRIPTION-STATE ", b"o"):
        packet = NOTIFY % name
        assert repaired(packet) == packet.replace(b";reason=reason=noresource", b" " * 25)


def test_other_packets_stay_what_they_are():
    in_the_body = b"NOTIFY x SIP/2.0\r\n\r\no: a;b=c=d\r\n"
    told_right = (NOTIFY % b"o").replace(b";reason=reason=noresource", b"")
    other = (NOTIFY % b"o").replace(b"NOTIFY", b"INVITE")
    for packet in (in_the_body, told_right, other, b"", b"NOTIFY "):
        assert repaired(packet) == packet


@given(st.binary(max_size=200), st.sampled_from([b"", b"NOTIFY ", b"NOTIFY x\r\no: "]))
def test_no_octet_is_moved(rest, start):
    assert len(repaired(start + rest)) == len(start + rest)
