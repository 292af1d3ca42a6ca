"""Who is heard: allowed sources, trunks, floods; by the kernel and within pjsip, on the wire."""

import asyncio
import contextlib
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.errors import LegError
from bot.legs.sip import SipEndpoint, SipSettings, TrunkLogin
from bot.legs.sip_filter import DROP, PASS, program
from bot.legs.sip_flood import DEAF_FIRST_S, DEAF_LAST_S, WHOLE_ADDRESS, Blocked, Floods
from bot.legs.sip_sources import Sources
from bot.trunk_settings import MOST_TRUNKS, Trunk
from tests.support.ports import free_port, free_udp_range
from tests.support.sip_wire import WirePhone

STRANGER = "127.0.0.66"


@contextlib.asynccontextmanager
async def endpoint(**settings: Any) -> AsyncIterator[SipEndpoint]:
    given = {"bind": "127.0.0.1:0", "rtp_port": free_udp_range(400)} | settings
    made = SipEndpoint(SipSettings(**given), lambda _: None)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


def junk(number: int, method: str = "OPTIONS") -> bytes:
    """A whole request that means nothing."""
    return (
        f"{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9:5060;rport;branch="
        f"z9hG4bK{number}\r\nMax-Forwards: 70\r\nFrom: <sip:100@127.0.0.1>;tag={number}\r\n"
        f"To: <sip:100@127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\n"
        "Contact: <sip:100@127.0.0.9>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def status(host: str, port: int, timeout: float = 0.4) -> int:
    """What an OPTIONS from `host` is answered with, 0 when with silence."""
    async with WirePhone(("127.0.0.1", port), host) as phone:
        with contextlib.suppress(TimeoutError):
            return await phone.options(timeout)
    return 0


async def connects(host: str, port: int) -> bool:
    """Does a TCP connection from `host` come about?"""
    opening = asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    with contextlib.suppress(TimeoutError):
        _, writer = await asyncio.wait_for(opening, 0.4)
        writer.close()
        return True
    return False


# ---- decisions alone ------------------------------------------------------------------------


def test_sources_are_networks_and_the_addresses_of_trunks():
    sources = Sources(["10.0.0.0/8"], {"acme": ["203.0.113.0/29"], "other": []})
    assert sources.allowed("10.1.2.3") and not sources.allowed("11.0.0.1")
    assert sources.allowed("203.0.113.6") and sources.trunks("203.0.113.6") == ("acme",)
    assert not sources.allowed("198.51.100.7")
    assert sources.servers("other", frozenset({"198.51.100.7"}))
    assert sources.allowed("198.51.100.7") and sources.trunks("198.51.100.7") == ("other",)
    assert not sources.servers("other", frozenset({"198.51.100.7"})), "that is no news"
    assert (0x0A000000, 0xFF000000) in sources.everybody()
    assert (0xC6336407, 0xFFFFFFFF) in sources.everybody()


def test_without_networks_everybody_is_heard():
    assert Sources([], {"acme": ["10.0.0.1"]}).allowed("8.8.8.8")
    assert Sources([], {}).everybody() == []


def test_networks_that_nobody_can_send_from_are_not_the_same_as_none():
    assert Sources(["2001:db8::/32"], {}).everybody() == [(0, 0xFFFFFFFF)]
    assert not Sources(["2001:db8::/32"], {}).allowed("8.8.8.8")


def test_what_is_no_address_is_not_heard():
    assert not Sources(["0.0.0.0/1"], {}).allowed("no address")


def test_a_sender_over_the_limit_is_blocked_longer_each_time():
    floods, now = Floods(10), 0.0
    assert not any(floods.too_many("1.1.1.1", 5, now) for _ in range(10))
    assert floods.too_many("1.1.1.1", 5, now)
    assert floods.blocked(now) == (Blocked("1.1.1.1", 5),)
    assert not floods.too_many("1.1.1.1", 6, now), "a neighbour behind the same address"
    for wait in (DEAF_FIRST_S, DEAF_FIRST_S * 2, DEAF_FIRST_S * 4):
        assert floods.blocked(now + wait - 0.1)
        now += wait
        assert not floods.blocked(now)
        assert [floods.too_many("1.1.1.1", 5, now) for _ in range(11)][-1]
    for _ in range(10):
        now += DEAF_LAST_S
        assert not floods.blocked(now)
        assert [floods.too_many("1.1.1.1", 5, now) for _ in range(11)][-1]
    assert floods.blocked(now + DEAF_LAST_S - 1)


def test_many_ports_of_one_address_are_one_flood():
    floods = Floods(10)
    over = [floods.too_many("1.1.1.1", port, 0.0) for port in range(1, 10 * WHOLE_ADDRESS + 2)]
    assert over.count(True) == 1 and floods.blocked(0.0) == (Blocked("1.1.1.1", 0),)


def test_a_steady_sender_is_no_flood_and_zero_is_no_limit():
    floods = Floods(10)
    assert not any(floods.too_many("1.1.1.1", 5, second / 10) for second in range(1000))
    assert not any(Floods(0).too_many("1.1.1.1", 5, 0.0) for _ in range(1000))


def test_a_flood_from_everywhere_needs_no_memory_without_end():
    floods = Floods(1)
    for number in range(20_000):
        floods.too_many(f"10.{number >> 14}.{number >> 7 & 127}.{number & 127}", 5, 0.0)
    assert len(floods._counts) < 5000 and len(floods.blocked(0.0)) <= 200


def test_a_filter_stays_within_what_the_kernel_takes():
    blocked = [Blocked(f"10.0.0.{number}", number) for number in range(200)]
    found = program([(0, 0)] * 64, blocked)
    assert len(found) < 4096
    assert program([], []) == [(6, 0, 0, PASS)] and program([(0, 0)], [])[-1] == (6, 0, 0, DROP)


# ---- on the wire ----------------------------------------------------------------------------


async def test_strangers_hear_nothing_over_udp_and_tcp():
    async with endpoint(allow=("127.0.0.1/32",)) as made:
        assert await status("127.0.0.1", made.port) == 200
        assert await status(STRANGER, made.port) == 0
        assert await connects("127.0.0.1", made.port) and not await connects(STRANGER, made.port)


async def test_strangers_hear_403_where_that_is_wanted():
    async with endpoint(allow=("127.0.0.1/32",), refuse="403") as made:
        assert await status("127.0.0.1", made.port) == 200
        assert await status(STRANGER, made.port) == 403
        async with WirePhone(("127.0.0.1", made.port), STRANGER) as phone:
            assert (await phone.dial("1000")).status == 403


async def test_trunks_are_heard_beside_the_allowed_by_network_and_by_server():
    own = Trunk(name="a", servers=["127.0.0.67"], register=False)
    wide = Trunk(name="b", servers=["127.0.0.68"], register=False, allow=["127.0.0.72/30"])
    trunks = [TrunkLogin(own), TrunkLogin(wide)]
    async with endpoint(allow=("127.0.0.1/32",), trunks=trunks) as made:
        async with asyncio.timeout(5):  # names are resolved when it listens already
            while await status("127.0.0.67", made.port) != 200:
                pass
        heard = [await status(f"127.0.0.{last}", made.port) for last in (67, 68, 73, 76, 66)]
        assert heard == [200, 200, 200, 0, 0]


async def test_a_flood_is_not_answered_after_a_moment_and_its_neighbours_are():
    async with endpoint(requests_per_s=20) as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.bind((STRANGER, 0))
            line.setblocking(False)
            for number in range(300):
                line.sendto(junk(number), ("127.0.0.1", made.port))
            await asyncio.sleep(0.3)
            answers = list(itertools.takewhile(bool, (received(line) for _ in range(400))))
            assert 0 < len(answers) <= 20
            blocked = made._stack.door._floods.blocked(time.monotonic())
            assert blocked == (Blocked(*line.getsockname()),)
            before = made._stack.door._floods._counts.copy()
            for number in range(1000, 1300):
                line.sendto(junk(number), ("127.0.0.1", made.port))
            await asyncio.sleep(0.2)
            assert not received(line)
            after = made._stack.door._floods._counts
            assert sum(after.values()) <= sum(before.values()), "the kernel dropped them"
        assert await status("127.0.0.1", made.port) == 200


async def test_there_is_room_for_as_many_trunks_as_the_configuration_allows():
    trunks = [
        TrunkLogin(Trunk(name=f"t{number}", servers=["127.0.0.1"], register=False))
        for number in range(MOST_TRUNKS)
    ]
    async with endpoint(trunks=trunks) as made:
        assert len(await made.trunks()) == MOST_TRUNKS


async def test_a_call_by_a_trunk_that_is_not_there_is_refused_in_words():
    async with endpoint() as made:
        with pytest.raises(LegError, match=r"there is no \[\[sip.trunk\]\]"):
            await made.dial_by("", "4930")
    two = [TrunkLogin(Trunk(name=name, servers=["h"], register=False)) for name in "ab"]
    async with endpoint(trunks=two) as made:
        with pytest.raises(LegError, match="name the trunk; there is: a, b"):
            await made.dial_by("", "4930")
        with pytest.raises(LegError, match="no trunk is named c; there is: a, b"):
            await made.dial_by("c", "4930")


async def test_trunks_are_never_blocked():
    trunk = Trunk(name="a", servers=[STRANGER], register=False)
    async with endpoint(requests_per_s=5, trunks=[TrunkLogin(trunk)]) as made:
        async with asyncio.timeout(5):
            while not made._stack._sources.trunks(STRANGER):
                await asyncio.sleep(0.01)
        async with WirePhone(("127.0.0.1", made.port), STRANGER) as phone:
            assert [await phone.options() for _ in range(50)] == [200] * 50


def received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 40, b"\r\n\r\n", b"REGISTER", b"x" * 65_000])
async def test_what_is_no_sip_hurts_nobody(rubbish):
    async with endpoint() as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.bind((STRANGER, 0))
            for _ in range(50):
                line.sendto(rubbish, ("127.0.0.1", made.port))
        assert await status("127.0.0.1", made.port) == 200


async def test_senders_are_told_apart_also_when_it_starts_under_fire():
    """What comes while the layout is tried must not be taken for the packet it is tried on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((STRANGER, 0))
        port = free_port()
        stop = threading.Event()

        def fire() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                line.sendto(junk(number), ("127.0.0.1", port))
                time.sleep(0.0005)

        thread = threading.Thread(target=fire)
        thread.start()
        try:
            bind = f"127.0.0.1:{port}"
            async with endpoint(bind=bind, allow=("127.0.0.1/32",), refuse="403") as made:
                stop.set()
                answer = 0
                async with asyncio.timeout(5):  # what was fired may still fill the socket
                    while not answer:
                        answer = await status(STRANGER, made.port)
                assert answer == 403
        finally:
            stop.set()
            thread.join()
