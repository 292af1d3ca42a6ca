"""What a browser offers, cut down to its first Opus track, and the answer to all of it.

aiortc only ever sees that one track, so it opens no socket and starts no thread for what the bot
does not take: video, a second microphone and data channels are answered inactive.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import (
    GroupDescription,
    MediaDescription,
    SessionDescription,
    candidate_from_sdp,
    candidate_to_sdp,
    grouplines,
)

from bot.errors import LegError

PREFIX = "candidate:"
UNUSED_PORT = 9  # stands where ICE finds the real one
PARSING = (ValueError, LookupError, AssertionError, TypeError, AttributeError, StopIteration)
"""aiortc's parser raises all of these; its input is a stranger's."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A parsed offer. `ufrag` names the browser's ICE session: a new one is a new network path."""

    whole: SessionDescription
    audio: int  # index of the section that is answered
    tagged: int  # index of the section whose addresses count, see `_tagged`
    ufrag: str

    @property
    def mid(self) -> str:
        return str(self.whole.media[self.tagged].rtp.muxId)

    @property
    def path(self) -> tuple[str, str]:
        """What a further offer on the same network path has in common with the one before.

        Chromium begins its transport anew, with the old ufrag, when the section that the
        bundle's addresses belong to is stopped and another takes its place.
        """
        return self.ufrag, self.mid

    @property
    def audio_mid(self) -> str:
        return str(self.whole.media[self.audio].rtp.muxId)

    @property
    def candidates(self) -> list[RTCIceCandidate]:
        return list(self.whole.media[self.tagged].ice_candidates)

    def for_aiortc(self) -> str:
        """The audio section alone, Opus alone, without addresses (we add those ourselves)."""
        cut = copy.copy(self.whole)
        media = copy.copy(self.whole.media[self.audio])
        tagged = self.whole.media[self.tagged]
        media.ice, media.dtls = tagged.ice, tagged.dtls
        media.ice_candidates, media.ice_candidates_complete = [], False
        media.rtp = copy.copy(media.rtp)
        media.rtp.codecs = [codec for codec in media.rtp.codecs if _is_opus(codec)][:1]
        media.fmt = [codec.payloadType for codec in media.rtp.codecs]
        cut.media = [media]
        cut.group = [GroupDescription("BUNDLE", [media.rtp.muxId])]
        return str(cut)

    def answer(self, aiortc_answer: str) -> str:
        """aiortc's answer to the audio section, with the other sections put back."""
        if len(self.whole.media) == 1:
            return aiortc_answer
        answer = SessionDescription.parse(aiortc_answer)
        (audio,) = answer.media
        bundled = _bundle(self.whole)
        together = self.audio_mid in bundled
        answer.media = [
            audio
            if index == self.audio
            else _refused(media, audio, together and media.rtp.muxId in bundled)
            for index, media in enumerate(self.whole.media)
        ]
        used = {str(media.rtp.muxId) for media in answer.media if media.port}
        kept = [mid for mid in bundled if together and mid in used] or [self.audio_mid]
        answer.group = [GroupDescription("BUNDLE", list(kept))]  # a refused one may not be in it
        return str(answer)


def parse_offer(sdp: str) -> Offer:
    """Raises LegError when it is none, or has no Opus track that the bot can take."""
    try:
        whole = SessionDescription.parse(sdp)
        _mark_bundle_only(whole, sdp)
        audio = _first_opus(whole)
        tagged = _tagged(whole, audio)
    except PARSING:
        raise LegError("the offer cannot be read") from None
    if audio is None:
        raise LegError("the offer has no audio in Opus")
    media = whole.media[tagged]
    ice, dtls = media.ice, media.dtls
    if ice is None or not ice.usernameFragment or not ice.password:
        raise LegError("the offer has no ICE parameters")
    if dtls is None or not dtls.fingerprints:
        raise LegError("the offer has no DTLS parameters")
    if not whole.media[audio].rtcp_mux or not whole.media[audio].rtp.muxId:
        raise LegError("the offer has no rtcp-mux or mid")
    return Offer(whole, audio, tagged, ice.usernameFragment)


def parse_candidate(text: str, mid: str | None, line: int | None) -> RTCIceCandidate | None:
    """A trickled candidate; None when it ends the list or is of a kind that is never used.
    Raises LegError when it is no candidate."""
    if not text:
        return None
    if mid is None and line is None:
        raise LegError("the candidate belongs to no section")
    try:
        candidate = candidate_from_sdp(text.removeprefix("a=").removeprefix(PREFIX))
    except PARSING:
        raise LegError("the candidate cannot be read") from None
    candidate.sdpMid, candidate.sdpMLineIndex = mid, line
    return candidate if usable(candidate) else None


def usable(candidate: RTCIceCandidate) -> bool:
    """UDP to a real port; browsers also name TCP ones that only they could open."""
    return (
        candidate.protocol.lower() == "udp"
        and candidate.component == 1
        and 0 < candidate.port < 65536
    )


def candidate_text(candidate: RTCIceCandidate) -> str:
    """As RTCIceCandidateInit.candidate has it."""
    return PREFIX + candidate_to_sdp(candidate)


def _is_opus(codec: object) -> bool:
    mime = str(getattr(codec, "mimeType", "")).lower()
    return mime == "audio/opus" and getattr(codec, "clockRate", 0) == 48_000


def _first_opus(whole: SessionDescription) -> int | None:
    for index, media in enumerate(whole.media):
        if (
            media.kind == "audio"
            and media.port
            and any(_is_opus(codec) for codec in media.rtp.codecs)
        ):
            return index
    return None


def _mark_bundle_only(whole: SessionDescription, sdp: str) -> None:
    """Port 0 switches a section off, but also says that it has no port besides its bundle's
    (RFC 9143); after this only the former has port 0."""
    bundled = _bundle(whole)
    for media, lines in zip(whole.media, grouplines(sdp)[1], strict=True):
        if "a=bundle-only" in lines and media.rtp.muxId in bundled:
            media.port = UNUSED_PORT


def _bundle(whole: SessionDescription) -> list[str]:
    for group in whole.group:
        if group.semantic == "BUNDLE":
            return [str(item) for item in group.items]
    return []


def _tagged(whole: SessionDescription, audio: int | None) -> int:
    """Bundled sections share the addresses of the group's first (RFC 9143)."""
    if audio is None:
        return 0
    bundled = _bundle(whole)
    if whole.media[audio].rtp.muxId in bundled:
        places = {m.rtp.muxId: index for index, m in enumerate(whole.media) if m.port}
        return next(places[mid] for mid in bundled if mid in places)
    return audio


def _refused(media: MediaDescription, audio: MediaDescription, bundled: bool) -> MediaDescription:
    """A section that stays without sound: inactive, or gone when it had a path of its own."""
    refused = copy.copy(media)
    refused.rtp = copy.copy(media.rtp)
    refused.rtp.headerExtensions = []
    real = media.kind in ("audio", "video")
    refused.port = UNUSED_PORT if bundled and real and media.port else 0
    refused.direction = "inactive" if real else None
    refused.host, refused.msid, refused.ssrc, refused.ssrc_group = "0.0.0.0", None, [], []
    refused.ice_candidates, refused.ice_candidates_complete = [], False
    refused.ice, refused.dtls = audio.ice, audio.dtls
    return refused
