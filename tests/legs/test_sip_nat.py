"""Which address callers and carriers are told: the configured, a STUN server's, a trunk's own."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bot.legs.sip import SipEndpoint, SipLeg, SipSettings, TrunkLogin
from bot.legs.sip_registration import Standing
from bot.trunk_settings import Trunk
from tests.support.kamailio import carrier
from tests.support.ports import free_udp_range
from tests.support.sip_message import Message, parse, response_to
from tests.support.sip_wire import WirePhone
from tests.support.wire_callee import WireCallee

OURS, SEEN, TRUNKS = "127.0.0.91", "127.0.0.92", "127.0.0.93"


@contextlib.contextmanager
def stun_server() -> Iterator[int]:
    """Answers each Binding request (RFC 5389) as if it came from SEEN; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    asked, sender = line.recvfrom(2048)
                    if len(asked) < 20:
                        return
                    mapped = struct.pack("!HHBBH", 1, 8, 0, 1, sender[1]) + socket.inet_aton(SEEN)
                    head = struct.pack("!HH", 0x0101, len(mapped))
                    line.sendto(head + asked[4:20] + mapped, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        yield line.getsockname()[1]
        line.sendto(b"", line.getsockname())
        thread.join()


@contextlib.asynccontextmanager
async def endpoint(**settings: Any) -> AsyncIterator[tuple[SipEndpoint, asyncio.Queue[SipLeg]]]:
    rung: asyncio.Queue[SipLeg] = asyncio.Queue()
    given = {"bind": "127.0.0.1:0", "rtp_port": free_udp_range(400)} | settings
    made = SipEndpoint(SipSettings(**given), rung.put_nowait)
    await made.start()
    try:
        yield made, rung
    finally:
        await made.close()


async def answer_to_a_caller(**settings: Any) -> Message:
    async with endpoint(**settings) as (made, rung), WirePhone(("127.0.0.1", made.port)) as phone:
        dialling = asyncio.ensure_future(phone.dial("1000"))
        await (await asyncio.wait_for(rung.get(), 5)).answer()
        call = await dialling
        assert call.final_response is not None
        return call.final_response


def told(message: Message) -> tuple[str, str]:
    """The address in Contact and the one in SDP."""
    host = message.get("contact").partition("@")[2].partition(":")[0]
    media = next(line for line in message.body.splitlines() if line.startswith("c="))
    return host, media.rpartition(" ")[2]


async def test_without_more_callers_are_told_the_machines_own_address() -> None:
    assert told(await answer_to_a_caller()) == ("127.0.0.1", "127.0.0.1")


async def test_the_configured_public_address_is_told() -> None:
    assert told(await answer_to_a_caller(public_address=OURS)) == (OURS, OURS)


async def test_a_stun_server_is_asked_for_it() -> None:
    with stun_server() as port:
        assert told(await answer_to_a_caller(stun=f"127.0.0.1:{port}")) == (SEEN, SEEN)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_trunk_may_see_another_address_than_callers(tmp_path, transport) -> None:
    async with WireCallee(("127.0.0.1", 0)) as callee:
        to_callee = f'$du = "sip:127.0.0.1:{callee.port}"; t_relay(); exit;'
        with carrier(tmp_path, outbound=to_callee) as kamailio:
            callee.target = ("127.0.0.1", kamailio.port)
            trunk = Trunk(
                name="acme", servers=[kamailio.address], user="4930555", public_address=TRUNKS,
                transport=transport,
            )  # fmt: skip
            logins = [TrunkLogin(trunk, "secret")]
            async with endpoint(public_address=OURS, trunks=logins) as (made, _):
                while (await made.trunks())[0].standing is not Standing.REGISTERED:
                    await asyncio.sleep(0.02)
                contact = kamailio.seen("REGISTER")[1]["contact"]
                assert f"@{TRUNKS}:{made.port}" in contact
                assert ("transport=tcp" in contact.lower()) == (transport == "tcp")
                leg = await made.dial_by("acme", "4940111")
                await leg.answered(5)
                assert told(callee.invites[0]) == (TRUNKS, TRUNKS)
                await leg.hang_up()


async def test_a_keep_alive_goes_to_the_registrar(tmp_path) -> None:
    """Two bytes or four that are no request: they keep a NAT's door open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as registrar:
        registrar.bind(("127.0.0.1", 0))
        registrar.settimeout(4)
        at = f"127.0.0.1:{registrar.getsockname()[1]}"
        trunk = Trunk(name="acme", servers=[at], user="4930555", keep_alive_s=1)
        async with endpoint(trunks=[TrunkLogin(trunk, "secret")]):
            asked, sender = await asyncio.to_thread(registrar.recvfrom, 4096)
            answer = response_to(parse(asked), 200, "OK", "registrar", "")
            answer.headers = [each for each in answer.headers if each[0] != "contact"]
            answer.headers += [("contact", parse(asked).get("contact")), ("expires", "60")]
            registrar.sendto(answer.encode(), sender)
            assert (await asyncio.to_thread(registrar.recv, 4096)).strip() == b""
