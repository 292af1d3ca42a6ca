"""`python flood.py HOST PORT FROM PER_S SECONDS SOCKETS`: junk REGISTERs and INVITEs over UDP.

A process of its own on nothing but the standard library, so that the flood costs the test's own
clock nothing. Prints how many left.
"""

from __future__ import annotations

import socket
import sys
import time

REQUEST = """{method} sip:{number}@{host} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.9:5060;rport;branch=z9hG4bK{number}
Max-Forwards: 70
From: <sip:{number}@{host}>;tag={number}
To: <sip:{number}@{host}>
Call-ID: flood-{number}
CSeq: 1 {method}
Contact: <sip:{number}@127.0.0.9>
Content-Length: 0

""".replace("\n", "\r\n")


def main() -> None:
    host, port, source, per_s, seconds, count = sys.argv[1:]
    lines = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(count))]
    for line in lines:
        line.bind((source, 0))
        line.setblocking(False)
    sent, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < float(seconds):
        while sent < passed * float(per_s):
            method = "INVITE" if sent % 2 else "REGISTER"
            junk = REQUEST.format(method=method, number=sent, host=host).encode()
            try:
                lines[sent % len(lines)].sendto(junk, (host, int(port)))
            except BlockingIOError:
                time.sleep(0.001)
                continue
            sent += 1
        time.sleep(0.002)
    print(sent)


if __name__ == "__main__":
    main()
