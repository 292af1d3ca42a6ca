"""One SIP OPTIONS over a blocking socket: is somebody there?"""

from __future__ import annotations

import socket
import time
import uuid

from tests.support.sip_message import Message, parse


def options_status(target: tuple[str, int], timeout: float) -> int:
    """Status of the answer to one OPTIONS; 0 when none came within `timeout` seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(timeout)
        line.connect(target)
        host, port = line.getsockname()
        uri = f"sip:{target[0]}:{target[1]}"
        request = Message(
            f"OPTIONS {uri} SIP/2.0",
            [
                ("via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid.uuid4().hex};rport"),
                ("max-forwards", "70"),
                ("from", f"<sip:probe@{host}:{port}>;tag={uuid.uuid4().hex[:8]}"),
                ("to", f"<{uri}>"),
                ("call-id", uuid.uuid4().hex),
                ("cseq", "1 OPTIONS"),
                ("contact", f"<sip:probe@{host}:{port}>"),
            ],
        )
        begun = time.monotonic()
        try:
            line.send(request.encode())
            answer = parse(line.recv(65536))
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(max(0.0, min(0.02, timeout - (time.monotonic() - begun))))
            return 0
        return answer.status if answer else 0
