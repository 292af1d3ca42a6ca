"""The bot and a carrier, Kamailio: digest, a wrong password, servers that move, die, return."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.legs.sip import CallRefused, SipEndpoint, SipLeg, SipSettings, TrunkLogin, TrunkState
from bot.legs.sip_registration import Pauses, Standing
from bot.trunk_settings import Trunk
from tests.support.kamailio import carrier
from tests.support.ports import free_udp_range
from tests.support.sip_wire import WirePhone
from tests.support.wire_callee import WireCallee

USER, PASSWORD = "4930555", "secret"
QUICK = Pauses(answer=0.8, first=0.3, last=1.0, refused_first=60, refused_last=60)


class Office:
    """An endpoint with one trunk, and who rang at it."""

    def __init__(self, endpoint: SipEndpoint, rung: asyncio.Queue[SipLeg]) -> None:
        self.endpoint, self.rung = endpoint, rung

    async def state(self) -> TrunkState:
        return (await self.endpoint.trunks())[0]

    async def until(self, standing: Standing, server: str = "", timeout: float = 8.0) -> TrunkState:
        """Wait until the trunk stands so."""
        deadline = time.monotonic() + timeout
        while True:
            state = await self.state()
            if state.standing is standing and server in ("", state.server):
                return state
            assert time.monotonic() < deadline, f"{state} instead of {standing} {server}"
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def office(
    *servers: str, password: str = PASSWORD, heard: tuple[str, ...] = ("127.0.0.2/32",), **how: Any
) -> AsyncIterator[Office]:
    rung: asyncio.Queue[SipLeg] = asyncio.Queue()
    trunk = Trunk(**{"name": "acme", "servers": servers, "user": USER, "expires_s": 60} | how)
    settings = SipSettings(
        "127.0.0.1:0", rtp_port=free_udp_range(400), trunks=[TrunkLogin(trunk, password)],
        pauses=QUICK, allow=heard,
    )  # fmt: skip
    endpoint = SipEndpoint(settings, rung.put_nowait)
    await endpoint.start()
    try:
        yield Office(endpoint, rung)
    finally:
        await endpoint.close()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_it_registers_by_digest_and_leaves_when_it_ends(tmp_path, algorithm):
    with carrier(tmp_path, algorithm=algorithm) as kamailio:
        async with office(kamailio.address) as desk:
            await desk.until(Standing.REGISTERED)
        first, second, *_, last = kamailio.seen("REGISTER")
        assert first["auth"] == "<null>" and second["auth"] != "<null>"
        assert second["expires"] == "60" and last["expires"] == "0"


async def test_over_tcp_with_another_user_for_the_password_and_a_domain(tmp_path):
    with carrier(tmp_path, user=USER) as kamailio:
        how = {"transport": "tcp", "auth_user": USER, "domain": "sip.acme.test"}
        async with office(kamailio.address, **how) as desk:
            await desk.until(Standing.REGISTERED)
        assert kamailio.seen("REGISTER")[1]["from"] == f"sip:{USER}@sip.acme.test"


async def test_it_registers_again_before_the_registration_expires(tmp_path):
    with carrier(tmp_path, expires_s=6) as kamailio:
        async with office(kamailio.address) as desk:
            await desk.until(Standing.REGISTERED)
            before = len(kamailio.seen("REGISTER"))
            await asyncio.sleep(4)
            assert len(kamailio.seen("REGISTER")) > before
            assert (await desk.state()).standing is Standing.REGISTERED


async def test_a_wrong_password_is_told_and_not_hammered(tmp_path):
    with carrier(tmp_path) as kamailio:
        async with office(kamailio.address, password="other") as desk:
            state = await desk.until(Standing.REFUSED)
            assert state.code == 401
            await asyncio.sleep(2)
        tried = [each for each in kamailio.seen("REGISTER") if each["expires"] != "0"]
        assert len(tried) == 2, "one without and one with the password"


async def test_a_registrar_that_moved_is_followed(tmp_path):
    """It stands at an address that was not heard before."""
    with carrier(tmp_path / "new", host="127.0.0.71") as new:
        gone = f"""
        if (is_method("REGISTER")) {{
            append_to_reply("Contact: <sip:{new.address}>\\r\\n");
            sl_send_reply("302", "Moved Temporarily");
            exit;
        }}
        """
        with carrier(tmp_path / "old", before=gone) as old:
            async with office(old.address) as desk:
                await desk.until(Standing.REGISTERED, new.address)
            assert len(old.seen("REGISTER")) == 1 and len(new.seen("REGISTER")) >= 2


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_next_registrar_is_taken_when_the_first_is_not_there(tmp_path, transport):
    nobody = f"127.0.0.1:{free_udp_range()}"
    with carrier(tmp_path) as kamailio:
        async with office(nobody, kamailio.address, transport=transport) as desk:
            await desk.until(Standing.REGISTERED, kamailio.address)


async def test_a_registrar_that_is_ill_is_left_for_the_next_one(tmp_path):
    ill = 'if (is_method("REGISTER")) { sl_send_reply("503", "Ill"); exit; }'
    with carrier(tmp_path / "a", before=ill) as first, carrier(tmp_path / "b") as second:
        async with office(first.address, second.address) as desk:
            await desk.until(Standing.REGISTERED, second.address)


async def test_a_registrar_that_was_gone_is_registered_with_when_it_is_back(tmp_path):
    with carrier(tmp_path, expires_s=7) as kamailio:
        async with office(kamailio.address) as desk, WirePhone(("127.0.0.1", kamailio.port)) as out:
            await desk.until(Standing.REGISTERED)
            kamailio.stop()
            await desk.until(Standing.UNREACHABLE)
            kamailio.start()
            await desk.until(Standing.REGISTERED)
            ringing = asyncio.ensure_future(out.dial(USER))
            leg = await asyncio.wait_for(desk.rung.get(), 5)
            await leg.answer()
            assert (await ringing).status == 200, "and calls come again"


async def test_calls_come_by_the_registration_with_their_number_rewritten(tmp_path):
    with carrier(tmp_path) as kamailio:
        async with (
            office(kamailio.address, in_strip="49", in_add="0") as desk,
            WirePhone(("127.0.0.1", kamailio.port)) as out,
        ):
            await desk.until(Standing.REGISTERED)
            ringing = asyncio.ensure_future(out.dial(USER, caller="4940111"))
            leg = await asyncio.wait_for(desk.rung.get(), 5)
            assert (leg.info.trunk, leg.info.called) == ("acme", "030555")
            assert leg.info.caller == "4940111"
            await leg.answer()
            call = await ringing
            assert call.status == 200
            await call.hang_up()
            await asyncio.wait_for(leg._over.wait(), 5)
            assert leg.ended == "caller"


async def test_calls_go_out_with_digest_caller_id_and_rewriting(tmp_path):
    async with WireCallee(("127.0.0.1", 0)) as callee:
        outbound = f'$du = "sip:127.0.0.1:{callee.port}"; t_relay(); exit;'
        with carrier(tmp_path, outbound=outbound) as kamailio:
            callee.target = ("127.0.0.1", kamailio.port)
            how = {"out_strip": "0", "out_add": "+49", "caller_id": USER}
            async with office(kamailio.address, **how) as desk:
                await desk.until(Standing.REGISTERED)
                leg = await desk.endpoint.dial_by("acme", "0301234")
                await leg.answered(5)
                call = await callee.next_call()
                assert callee.invites[0].first.split()[1].startswith("sip:+49301234@")
                assert f"sip:{USER}@" in callee.invites[0].get("from")
                assert (leg.info.called, leg.info.trunk) == ("0301234", "acme")
                assert await call.hang_up() == 200
            first, second = kamailio.seen("INVITE")[:2]
            assert first["auth"] == "<null>" and second["auth"] != "<null>"


async def test_a_person_at_the_carrier_is_called_with_the_account(tmp_path):
    """As attended transfers are: by an address. The carrier would not let a stranger through."""
    async with WireCallee(("127.0.0.1", 0)) as callee:
        outbound = f'$du = "sip:127.0.0.1:{callee.port}"; t_relay(); exit;'
        with carrier(tmp_path, outbound=outbound) as kamailio:
            callee.target = ("127.0.0.1", kamailio.port)
            async with office(kamailio.address, caller_id_in="P-Asserted-Identity") as desk:
                await desk.until(Standing.REGISTERED)
                person = f"sip:+49301234@{kamailio.address}"
                leg = await desk.endpoint.dial(person, caller="4930777")
                await leg.answered(5)
                call = await callee.next_call()
                invite = callee.invites[0]
                assert invite.first.split()[1] == person
                assert f"sip:{USER}@" in invite.get("from")
                assert "sip:4930777@" in invite.get("p-asserted-identity")
                assert await call.hang_up() == 200
            first, second = kamailio.seen("INVITE")[:2]
            assert first["auth"] == "<null>" and second["auth"] != "<null>"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_goes_out_by_the_next_server_when_one_cannot_serve(tmp_path, transport):
    """The first one is ill, the second is not there (which only TCP tells soon)."""
    ill = 'if (is_method("INVITE")) { sl_send_reply("503", "Ill"); exit; }'
    nobody = [f"127.0.0.1:{free_udp_range()}"] if transport == "tcp" else []
    async with WireCallee(("127.0.0.1", 0)) as callee:
        outbound = f'$du = "sip:127.0.0.1:{callee.port}"; t_relay(); exit;'
        with (
            carrier(tmp_path / "a", before=ill) as first,
            carrier(tmp_path / "b", outbound=outbound) as last,
        ):
            callee.target = ("127.0.0.1", last.port)
            how = {"register": False, "transport": transport}
            async with office(first.address, *nobody, last.address, **how) as desk:
                leg = await desk.endpoint.dial_by("acme", "4940111")
                await leg.answer()
                await callee.next_call()
                await leg.hang_up()
            assert first.seen("INVITE") and len(callee.invites) == 1


async def test_a_refusal_of_who_was_called_is_not_tried_elsewhere(tmp_path):
    async with WireCallee(("127.0.0.1", 0), status=486) as callee:
        outbound = f'$du = "sip:127.0.0.1:{callee.port}"; t_relay(); exit;'
        with carrier(tmp_path, outbound=outbound) as kamailio:
            callee.target = ("127.0.0.1", kamailio.port)
            other = f"127.0.0.1:{free_udp_range()}"
            async with office(kamailio.address, other, register=False) as desk:
                leg = await desk.endpoint.dial_by("acme", "4940111")
                with pytest.raises(CallRefused, match="486"):
                    await leg.answer()
                assert leg.ended == "failed: 486 So Be It"


async def test_a_trunk_without_registration_sends_no_register_and_is_known_by_its_address(tmp_path):
    with carrier(tmp_path) as kamailio:
        async with (
            office(kamailio.address, register=False) as desk,
            WirePhone(("127.0.0.1", desk.endpoint.port)) as out,
        ):
            ringing = asyncio.ensure_future(out.dial("1000"))
            leg = await asyncio.wait_for(desk.rung.get(), 5)
            assert leg.info.trunk == "acme" and (await desk.state()).standing is Standing.PEER
            await leg.hang_up()
            await ringing
        assert not kamailio.seen("REGISTER")
