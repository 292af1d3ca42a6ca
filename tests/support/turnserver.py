"""Debian's coturn on loopback, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from aioice import stun

from bot.legs.webrtc_ice import IceServers
from tests.support.ports import free_port

USER, PASSWORD, REALM = "bot", "let-me-through", "example.com"
START_S = 10.0


@contextlib.asynccontextmanager
async def turn_server(folder: Path) -> AsyncIterator[IceServers]:
    """A running server, and how to use it. Its files are in `folder`."""
    port = free_port()
    command = [
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={port}", "--lt-cred-mech", f"--user={USER}:{PASSWORD}",
        f"--realm={REALM}", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli",
        "--min-port=55000", "--max-port=55200", f"--userdb={folder / 'turn.db'}",
        f"--pidfile={folder / 'turn.pid'}", "--log-file=stdout", "--simple-log",
    ]  # fmt: skip
    with (folder / "turn.log").open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=folder
        )
    try:
        await _listening(port, process)
        yield IceServers(
            stun=f"stun:127.0.0.1:{port}", turn=f"turn:127.0.0.1:{port}",
            turn_username=USER, turn_password=PASSWORD,
        )  # fmt: skip
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    request = bytes(
        stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        async with asyncio.timeout(START_S):
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    probe.sendto(request, ("127.0.0.1", port))
                await asyncio.sleep(0.05)
                with contextlib.suppress(OSError):
                    probe.recv(2000)
                    return
    raise RuntimeError("turnserver has gone; see turn.log")
