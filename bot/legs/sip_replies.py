"""What pjsip is told to answer."""

from __future__ import annotations

import pjsua2 as pj


def status(code: int) -> pj.CallOpParam:
    prm = pj.CallOpParam(True)
    prm.statusCode = code
    return prm


def refusal(code: int, retry_after_s: int) -> pj.CallOpParam:
    prm = pj.CallOpParam()
    prm.statusCode = code
    if retry_after_s:
        header = pj.SipHeader()
        header.hName, header.hValue = "Retry-After", str(retry_after_s)
        prm.txOption.headers.push_back(header)
    return prm
