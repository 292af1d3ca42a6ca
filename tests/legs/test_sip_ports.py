"""RTP ports: nobody gets one that somebody else may still be sending to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.legs.sip_ports import SHARES, quiet_share, share
from tests.support.ports import free_udp_range

HOST = "127.0.0.1"


@contextmanager
def stray_caller(port: int) -> Iterator[None]:
    """Sends a packet every 20 ms to a port whose worker has died."""
    done = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            while not done.wait(0.02):
                phone.sendto(b"speech", (HOST, port))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("count", [400, 399, 64])
def test_lives_in_a_row_share_no_port(count: int) -> None:
    lives = [share(4000, count, life) for life in range(SHARES)]
    ports = [port for ports in lives for port in ports]
    assert len(set(ports)) == len(ports)
    assert all(4000 <= port < 4000 + count for port in ports)
    assert all(ports[0] % 2 == 0 and len(ports) % 2 == 0 for ports in lives), "pairs"
    assert share(4000, count, SHARES) == lives[0]


def test_a_quiet_share_is_taken() -> None:
    first = free_udp_range(400)
    assert quiet_share(HOST, first, 400, 3) == share(first, 400, 3)


def test_a_share_somebody_sends_to_is_passed_over() -> None:
    first = free_udp_range(400)
    with stray_caller(share(first, 400, 7)[20]), stray_caller(share(first, 400, 0)[0]):
        assert quiet_share(HOST, first, 400, 7) == share(first, 400, 1), "round the end"


def test_ports_in_use_do_not_hinder() -> None:
    first = free_udp_range(400)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, first))
        assert quiet_share(HOST, first, 400, 0) == share(first, 400, 0)
