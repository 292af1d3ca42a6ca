"""baresip and linphone as a caller would use them: keys are pressed while the call goes on.

with Baresip(folder, wav, codec="g722") as phone:
    phone.dial("sip:1000@127.0.0.1:5060")
    phone.hold()
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import psutil

from tests.support.baresip import config_text
from tests.support.ports import free_port, free_udp_range

START_S = 10.0


class Softphone:
    """A program that prints what it does; ended by its pid."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "output.txt"
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, command: list[str], ready: str, **how: Any) -> None:
        with self.output.open("wb") as printed:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=printed, stderr=printed, **how
            )
        self.until(ready, START_S)

    def printed(self) -> str:
        return self.output.read_text(errors="replace")

    def until(self, text: str, within_s: float = 8.0, *, times: int = 1) -> None:
        """Wait until it has printed `text` that often."""
        deadline = time.monotonic() + within_s
        while self.printed().count(text) < times:
            gone = self.process.poll() is not None
            assert not gone and time.monotonic() < deadline, f"{text!r} in\n{self.printed()}"
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.wait()


class Baresip(Softphone):
    """Its console listens on UDP; what it hears lies in `folder`, dump-*-dec.wav."""

    def __init__(
        self,
        folder: Path,
        wav: Path,
        *,
        codec: str = "PCMU/8000/1",
        encryption: str = "",
        settings: str = "",
    ) -> None:
        super().__init__(folder)
        self.console = free_port()
        modules = "module g722.so\nmodule srtp.so\nmodule cons.so\n"
        text = config_text(wav, folder) + modules + settings
        listens = re.search(r"sip_listen 127\.0\.0\.1:(\d+)", text)
        assert listens
        self.sip = ("127.0.0.1", int(listens[1]))
        (folder / "config").write_text(f"{text}cons_listen 127.0.0.1:{self.console}\n")
        secure = f";mediaenc={encryption}" if encryption else ""
        account = f"<sip:baresip@127.0.0.1>;regint=0;audio_codecs={codec}{secure}\n"
        (folder / "accounts").write_text(account)
        (folder / "contacts").write_text("")
        self.start(["baresip", "-f", str(folder)], "baresip is ready", stdin=subprocess.DEVNULL)

    def keys(self, text: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), ("127.0.0.1", self.console))

    def dial(self, uri: str, *, answered: bool = True) -> None:
        self.keys(f"/dial {uri}\n")
        if answered:
            self.until("Call established")

    def hold(self) -> None:
        self.keys("x")

    def resume(self) -> None:
        self.keys("X")

    def press(self, digits: str) -> None:
        for digit in digits:
            self.keys(digit)
            time.sleep(0.15)
            self.keys("\x04")  # the key is let go
            time.sleep(0.1)

    def hang_up(self) -> None:
        self.keys("b")


class Linphone(Softphone):
    """Commands go to its standard input; what it hears lies in `folder`, as baresip's."""

    def __init__(self, folder: Path, *, codec: str = "PCMU", encryption: str = "none") -> None:
        super().__init__(folder)
        rtp, self.sip = free_udp_range(20), ("127.0.0.1", free_port())
        mandatory = int(encryption != "none")
        (folder / ".local/share/linphone").mkdir(parents=True)  # where it keeps its calls
        (folder / "linphonerc").write_text(
            f"[sip]\nsip_port={self.sip[1]}\nsip_tcp_port=0\nsip_tls_port=0\n"
            "use_ipv6=0\nipv6_migration_done=1\n"
            f"media_encryption={encryption}\nmedia_encryption_mandatory={mandatory}\n"
            f"default_proxy=-1\n[rtp]\naudio_rtp_port={rtp}-{rtp + 18}\n"
            "[net]\nfirewall_policy=0\n"
        )
        self.start(
            ["linphonec", "-c", str(folder / "linphonerc")], "linphonec>",
            stdin=subprocess.PIPE, env={**os.environ, "HOME": str(folder)},
        )  # fmt: skip
        self.type("soundcard use files")
        self.type(f"record {folder / 'dump-linphone-dec.wav'}")
        self.type("codec list")
        self.until(f": {codec} (")
        number = re.search(rf"(\d+): {codec} \(", self.printed())
        assert number
        self.type("codec disable all")
        self.type(f"codec enable {number[1]}")

    def type(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def dial(self, uri: str) -> None:
        self.type(f"call {uri}")
        self.until("connected.")

    def hold(self) -> None:
        self.type("pause")
        self.until("is now paused")  # until then it knows of nothing to resume

    def resume(self) -> None:
        self.type("resume")

    def press(self, digits: str) -> None:
        for digit in digits:
            self.type(digit)
            time.sleep(0.3)

    def hang_up(self) -> None:
        self.type("terminate")
