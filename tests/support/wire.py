"""The wire caller in one import: SIP in sip_wire, RTP in rtp_wire, G.711 in g711."""

from tests.support.g711 import CODECS, PCMA, PCMU, Codec, Pcm
from tests.support.rtp_wire import MediaProcess, Packet, RtpStream, intervals_ms, level_db, lost
from tests.support.sip_wire import WireCall, WirePhone

__all__ = [
    "CODECS",
    "PCMA",
    "PCMU",
    "Codec",
    "MediaProcess",
    "Packet",
    "Pcm",
    "RtpStream",
    "WireCall",
    "WirePhone",
    "intervals_ms",
    "level_db",
    "lost",
]
