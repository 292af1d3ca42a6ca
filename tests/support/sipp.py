"""Run SIPp (Debian: sip-tester) with a scenario of our own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port, free_udp_range
from tests.support.probe import options_status

SCENARIOS = Path(__file__).resolve().parents[1] / "sip" / "scenarios"


@dataclass(frozen=True)
class SippResult:
    """0: every call went as the scenario says."""

    code: int
    output: str  # messages and errors, to be shown when a test fails


def run_sipp(
    scenario: str,
    target: tuple[str, int],
    folder: Path,
    *,
    number: str = "1000",
    calls: int = 1,
    at_once: int = 1,
    transport: str = "u1",
    timeout_s: int = 30,
    more: Sequence[str] = (),
) -> SippResult:
    """`calls` calls of tests/sip/scenarios/<scenario>.xml to `number`; files go to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        *("sipp", f"{target[0]}:{target[1]}", "-sf", str(SCENARIOS / f"{scenario}.xml")),
        *("-s", number, "-i", "127.0.0.1", "-p", str(free_port()), "-mi", "127.0.0.1"),
        *("-mp", str(free_udp_range(8)), "-t", transport, "-nostdin", "-trace_err", "-trace_msg"),
        *("-m", str(calls), "-l", str(at_once), "-r", str(at_once), "-rp", "1000"),
        *("-recv_timeout", "15000", "-timeout", f"{timeout_s}s", "-timeout_error", *more),
    ]
    done = subprocess.run(
        command,
        check=False,  # the caller asserts on the code, with the traces at hand
        cwd=folder,
        capture_output=True,
        timeout=timeout_s + 10,
        stdin=subprocess.DEVNULL,
    )
    traces = [path.read_text(errors="replace")[-6000:] for path in sorted(folder.glob("*.log"))]
    return SippResult(done.returncode, "\n".join([done.stderr.decode(), *traces]))


@contextmanager
def sipp_uas(folder: Path, more: Sequence[str] = ("-sn", "uas", "-rtp_echo")) -> Iterator[int]:
    """SIPp as the called side on a free port (built-in scenario, echoing RTP); the port."""
    port = free_port()
    with (folder / "uas.txt").open("wb") as output:
        process = subprocess.Popen(
            [
                *("sipp", "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1"),
                *("-mp", str(free_udp_range(8)), "-nostdin", *more),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TERM": "dumb"},
        )
    try:
        # SIPp's scenario ignores the OPTIONS, but a bound port is what we wait for
        while not _bound(port) and process.poll() is None:
            options_status(("127.0.0.1", port), 0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _bound(port: int) -> bool:
    """Is a UDP socket bound to 127.0.0.1:port?"""
    rows = Path("/proc/net/udp").read_text().splitlines()
    return any(row.split()[1] == f"0100007F:{port:04X}" for row in rows[1:])
