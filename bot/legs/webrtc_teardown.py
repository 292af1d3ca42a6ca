"""Takes a closed RTCPeerConnection apart, so that a call's memory goes with the call.

aiortc's objects know each other in circles, which only the garbage collector undoes, and that one
comes late and stops everybody's audio for its time.
"""

from __future__ import annotations

from aiortc import RTCPeerConnection

CLOSE_S = 1.0  # for goodbyes to the browser and the TURN server


def taken_apart(connection: RTCPeerConnection) -> None:
    """`connection` is closed; undo the circles it is part of."""
    connection.remove_all_listeners()
    for transceiver in connection.getTransceivers():
        dtls = transceiver.receiver.transport
        dtls.remove_all_listeners()
        vars(dtls._rtp_router).pop("route_rtp", None)  # ours, see webrtc_limits
        ice = dtls.transport
        for emitter in (ice, ice.iceGatherer):
            emitter.remove_all_listeners()
        aioice = ice._connection
        for name in ("gather_candidates", "request_received"):  # ours, see webrtc_ice
            vars(aioice).pop(name, None)
        aioice._check_list.clear()
        aioice._early_checks.clear()
        aioice._remote_candidates.clear()
