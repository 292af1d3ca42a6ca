"""baresip (Debian: baresip-core) as somebody else's phone: it plays a WAV and records one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.g711 import Pcm
from tests.support.phone import PHONE_HZ, read_wav
from tests.support.ports import free_port, free_udp_range

MODULES = Path("/usr/lib/baresip/modules")


@dataclass(frozen=True)
class BaresipCall:
    """What became of the call."""

    heard: Pcm  # 8 kHz
    output: str  # what baresip printed

    @property
    def established(self) -> bool:
        return "Call established" in self.output


def config_text(wav: Path, folder: Path) -> str:
    """A baresip configuration that needs no sound card and no network but loopback."""
    rtp = free_udp_range(20)
    lines = {
        "poll_method": "epoll",
        "sip_listen": f"127.0.0.1:{free_port()}",
        "net_interface": "127.0.0.1",
        "call_local_timeout": "30",
        "call_max_calls": "1",
        "audio_source": f"aufile,{wav}",
        "audio_player": "aubridge,nowhere",
        "audio_alert": "aubridge,nowhere",
        "ausrc_srate": str(PHONE_HZ),
        "auplay_srate": str(PHONE_HZ),
        "ausrc_channels": "1",
        "auplay_channels": "1",
        "rtp_ports": f"{rtp}-{rtp + 19}",
        "snd_path": str(folder),  # the sndfile filter writes what is sent and what is heard here
        "module_path": str(MODULES),
        "module_tmp": "account.so",
        "module_app": "menu.so",
    }
    modules = [f"module {name}.so" for name in ("g711", "aufile", "aubridge", "sndfile")]
    return "\n".join([*(f"{key} {value}" for key, value in lines.items()), *modules, ""])


def baresip_call(
    uri: str, wav: Path, folder: Path, seconds: float, settings: str = ""
) -> BaresipCall:
    """Dial `uri`, play `wav` (8 kHz mono), hang up after `seconds` or at the end of `wav`.

    `settings` are further lines of baresip's configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(config_text(wav, folder) + settings)
    (folder / "accounts").write_text("<sip:baresip@127.0.0.1>;regint=0;audio_codecs=pcmu\n")
    (folder / "contacts").write_text("")
    output = folder / "output.txt"
    with output.open("wb") as printed:
        process = subprocess.Popen(
            ["baresip", "-f", str(folder), "-e", f"/dial {uri}", "-t", str(round(seconds))],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=folder,
        )
        try:
            process.wait(seconds + 10)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    text = output.read_text(errors="replace")
    heard = [read_wav(path)[0] for path in folder.glob("dump-*-dec.wav")]
    return BaresipCall(heard[0] if heard else np.zeros(0, np.int16), text)
