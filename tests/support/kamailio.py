"""Kamailio (Debian) on loopback, in the foreground: a carrier's registrar and proxy, or a front.

with carrier(folder, user="4930555", password="secret") as kamailio:
    ...
    kamailio.seen("REGISTER")

The carrier wants a digest for REGISTER and for calls of its user, keeps locations in memory, and
routes an INVITE to the registered contact of its user.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.ports import free_port
from tests.support.probe import options_status

MODULES = ("kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "xlog")
READY_S = 10.0
FRONT = Path(__file__).resolve().parents[2] / "docs" / "kamailio-tls.cfg"
PROGRAM = shutil.which("kamailio") or "/usr/sbin/kamailio"  # not on everybody's PATH

CORE = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
disable_tcp=no
mhomed=0
auto_aliases=no
dns=no
rev_dns=no
server_header="Server: carrier"
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
{modules}
modparam("tm", "fr_timer", 2000)
modparam("tm", "fr_inv_timer", 30000)
"""

CARRIER = """
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_expire", 300)
modparam("auth", "algorithm", "{algorithm}")
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", {expires_s})

request_route {{
    xlog("L_ERR", "SEEN $rm $tU $ru auth=$adu expires=$hdr(Expires) contact=$ct from=$fu\\n");
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    {before}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
        sl_send_reply("404", "Not here");
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("$td", "{password}", "0")) {{ www_challenge("$td", "1"); exit; }}
        consume_credentials();
        save("location");
        exit;
    }}
    if (is_method("INVITE")) {{
        record_route();
        if ($fU == "{user}") {{
            if (!pv_proxy_authenticate("$fd", "{password}", "0")) {{
                proxy_challenge("$fd", "1");
                exit;
            }}
            consume_credentials();
            {outbound}
        }}
        if (!lookup("location")) {{ sl_send_reply("404", "Not registered"); exit; }}
        t_relay();
        exit;
    }}
    sl_send_reply("405", "Method Not Allowed");
}}
"""


class Kamailio:
    """Runs `config` in `folder`; it is up when UDP `port` of `host` answers OPTIONS."""

    def __init__(self, folder: Path, config: str, port: int, host: str = "127.0.0.1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.host, self.port = folder, host, port
        self.config = folder / "kamailio.cfg"
        self.config.write_text(config)
        self.output = folder / "kamailio.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    PROGRAM, "-DD", "-E", "-f", str(self.config), "-w", str(self.folder),
                    "-Y", str(self.folder), "-P", str(self.folder / "pid"), "-m", "64", "-M", "8",
                ],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + READY_S
        while options_status((self.host, self.port), 0.1) == 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"kamailio does not start:\n{self.printed()}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def printed(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def seen(self, method: str) -> list[Mapping[str, str]]:
        """Requests of `method` in order: to, auth, expires, contact, from."""
        found = re.findall(r"SEEN (\S+) (\S+) (.+)", self.printed())
        return [
            {"to": to, **dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", rest))}
            for name, to, rest in found
            if name == method
        ]


def carrier(
    folder: Path,
    *,
    user: str = "4930555",
    password: str = "secret",
    before: str = "",
    outbound: str = "",
    expires_s: int = 3600,
    algorithm: str = "MD5",
    host: str = "127.0.0.1",
) -> Kamailio:
    """A registrar. `before` is script that sees each request first, `outbound` what is done with
    a call of the account's own; a registration lasts `expires_s` at most."""
    script = CARRIER.format(
        user=user,
        password=password,
        before=before,
        outbound=outbound,
        expires_s=expires_s,
        algorithm=algorithm,
    )
    port = free_port()
    modules = "\n".join(f'loadmodule "{name}.so"' for name in MODULES)
    return Kamailio(folder, CORE.format(host=host, port=port, modules=modules) + script, port, host)


def tls_front(
    folder: Path, bot: tuple[str, int], certificate: str, key: str
) -> tuple[Kamailio, int]:
    """docs/kamailio-tls.cfg with addresses of loopback, and the port of its TLS."""
    tls, udp = free_port(), free_port()
    text = FRONT.read_text()
    for theirs, ours in (
        ("tls:203.0.113.5:5061", f"tls:127.0.0.1:{tls}"),
        ("udp:127.0.0.1:5080", f"udp:127.0.0.1:{udp}"),
        ("sip:127.0.0.1:5060", f"sip:{bot[0]}:{bot[1]}"),
        ("/etc/kamailio/fullchain.pem", certificate),
        ("/etc/kamailio/privkey.pem", key),
    ):
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, ours)
    return Kamailio(folder, text, udp), tls
