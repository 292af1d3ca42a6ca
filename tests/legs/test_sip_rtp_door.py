"""Whose packets are a call's audio: those of the address that was agreed on, and no stranger's."""

import asyncio
import contextlib
import socket
import struct
from typing import Any, Self

import numpy as np
import pytest

from bot.audio.frame import level_db, silence
from bot.legs.sip import SipLeg
from bot.legs.sip_rtp_door import senders
from tests.support.g711 import PCMU
from tests.support.sip_desk import Desk
from tests.support.sip_message import answered
from tests.support.sip_wire import WireCall, WirePhone
from tests.support.ticks import caught_up

LOUD_DB = -40.0
TONE = (np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000) * 8000).astype(np.int16)


class Stranger:
    """Sends a tone to a call's port from an address of his own."""

    def __init__(self, call: WireCall, address: str) -> None:
        self._target = answered(call.final_response.body)[:2]
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line.bind((address, 0))
        self.line.setblocking(False)
        self.got = self._seq = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def tick(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.line.recv(2000):
                self.got += 1
        self._seq += 1
        head = struct.pack("!BBHII", 0x80, 0, self._seq, self._seq * 160, 0xBAD)
        self.line.sendto(head + PCMU.encode(TONE[:160]), self._target)


async def heard(leg: SipLeg, frames: int, each: Any = lambda: None) -> int:
    """How many of so many frames were loud."""
    await caught_up(leg)
    loud = 0
    async with contextlib.aclosing(leg.frames()) as ticks:
        async for frame in ticks:
            leg.write(silence())
            each()
            loud += level_db(frame) > LOUD_DB
            frames -= 1
            if not frames:
                break
    return loud


async def up(desk: Desk, phone: WirePhone) -> tuple[WireCall, SipLeg]:
    dialling = asyncio.ensure_future(phone.dial("1000"))
    leg = await desk.next()
    await leg.answer()
    return await dialling, leg


async def test_a_stranger_is_neither_heard_nor_answered_and_a_moved_caller_is_followed():
    async with Desk() as desk, WirePhone(desk.address) as phone:
        call, leg = await up(desk, phone)
        await heard(leg, 15)
        with Stranger(call, "127.0.0.2") as stranger:
            assert await heard(leg, 40, stranger.tick) == 0
            call.rtp.mute()  # now nobody speaks against him
            assert await heard(leg, 60, stranger.tick) == 0
            assert stranger.got == 0
            call.rtp.mute(False)
            call.rtp.move()  # NAT gave the caller another port
            call.rtp.say(TONE)
            before = len(call.rtp.received)
            assert await heard(leg, 60, stranger.tick) > 35
            assert len(call.rtp.received) - before > 40
            assert stranger.got == 0
        # the caller's audio goes to another address by agreement: it is the stranger's now
        moved = await call.reinvite(
            lambda sdp: sdp.replace("c=IN IP4 127.0.0.1", "c=IN IP4 127.0.0.2")
        )
        assert moved.status == 200
        call.rtp.move("127.0.0.2")
        call.rtp.say(TONE)
        assert await heard(leg, 60) > 30


async def test_another_address_is_followed_when_it_is_allowed():
    async with Desk(rtp_from_anywhere=True) as desk, WirePhone(desk.address) as phone:
        call, leg = await up(desk, phone)
        await heard(leg, 15)
        call.rtp.move("127.0.0.2")
        call.rtp.say(TONE)
        assert await heard(leg, 60) > 30


@pytest.mark.parametrize(
    ("remote", "signalling", "allowed"),
    [
        ("192.0.78.9", "192.0.78.9", ["192.0.78.9"]),
        ("192.0.78.9", "8.8.8.8", ["192.0.78.9"]),  # a carrier's media gateway
        ("192.168.1.9", "8.8.8.8", ["192.168.1.9", "8.8.8.8"]),  # a phone behind NAT
        ("100.64.0.7", "8.8.8.8", ["100.64.0.7", "8.8.8.8"]),  # behind the carrier's
        ("192.168.1.9", "192.168.1.1", ["192.168.1.9"]),  # a PBX in the same house
        ("192.0.78.9", "127.0.0.1", ["192.0.78.9", "127.0.0.1"]),  # a program on this machine
        ("192.0.78.9", "", ["192.0.78.9"]),  # not known
    ],
)
def test_the_signalling_counts_for_phones_behind_nat_and_programs_here(remote, signalling, allowed):
    assert senders(remote, signalling) == allowed
