"""What pjsip is told to send."""

from __future__ import annotations

import pjsua2 as pj


def status(code: int) -> pj.CallOpParam:
    prm = pj.CallOpParam(True)
    prm.statusCode = code
    return prm


def refusal(code: int, retry_after_s: int, reason: str = "", contact: str = "") -> pj.CallOpParam:
    """Headers that are empty or 0 are left out, and so is an own reason phrase."""
    prm = pj.CallOpParam()
    prm.statusCode = code
    prm.reason = reason
    if retry_after_s:
        prm.txOption.headers.push_back(header("Retry-After", str(retry_after_s)))
    if contact:
        prm.txOption.headers.push_back(header("Contact", f"<{contact}>"))
    return prm


def header(name: str, value: str) -> pj.SipHeader:
    made = pj.SipHeader()
    made.hName, made.hValue = name, value
    return made
