"""A pcap file with RFC 4733 digits, for SIPp's play_pcap_audio."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.support.rtp_wire import EVENT_TYPE, key_events

ETHERNET = b"\x00" * 12 + b"\x08\x00"  # IPv4 follows
PACKET_MS = 20


def digits_pcap(path: Path, digits: str, hold_ms: int = 100, gap_ms: int = 100) -> Path:
    """Each digit as events of one timestamp every 20 ms, its end told three times."""
    records, seq, now_ms = [], 1, 0
    for digit in digits:
        begun_ms = now_ms
        for event in key_events(digit, hold_ms):
            first = 0x80 if now_ms == begun_ms else 0
            rtp = struct.pack("!BBHII", 0x80, first | EVENT_TYPE, seq, begun_ms * 8, 0x5350)
            records.append((now_ms, rtp + event))
            seq, now_ms = seq + 1, now_ms + PACKET_MS
        now_ms += gap_ms
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(header + b"".join(_record(at, body) for at, body in records))
    return path


def _record(at_ms: int, payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 4000, 4000, 8 + len(payload), 0) + payload
    loopback = bytes([127, 0, 0, 1])
    address = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + loopback * 2
    frame = ETHERNET + address + udp
    when = struct.pack("<IIII", at_ms // 1000, at_ms % 1000 * 1000, len(frame), len(frame))
    return when + frame
