"""Local servers that speak as Groq's and Sarvam's do, down to what they refuse."""

from __future__ import annotations

from typing import Any, ClassVar

from aiohttp import web

from bot.audio import wav
from tests.providers.openai_server import OpenAiServer
from tests.providers.vendor_server import KEY, VendorServer, loud

GROQ_LONGEST_TEXT = 200
GROQ_VOICES = ("hannah", "autumn", "diana", "austin", "daniel", "troy")
SARVAM_LONGEST_S = 30.0


class GroqServer(OpenAiServer):
    """OpenAI's paths under /openai/v1, which the SDK adds itself; speech as WAV only."""

    prefix: ClassVar[str] = ""
    path: ClassVar[str] = "/openai/v1"
    no_speech_prob: float = 0.01

    def authorised(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {KEY}"

    def transcription(self, asked: dict[str, Any]) -> dict[str, Any]:
        seconds = wav.parse(asked["file"]).seconds
        assert seconds >= 0.01, "Audio file is too short. Minimum audio length is 0.01 seconds."
        text = (self.hears if loud(asked["file"]) else " Thank you.") if self.hears else self.text
        segment = {"id": 0, "text": text, "no_speech_prob": self.no_speech_prob}
        return {
            "task": "transcribe", "language": "English", "duration": seconds, "text": text,
            "segments": [segment], "x_groq": {"id": "req_1"},
        }  # fmt: skip

    async def speech(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        wanted = (asked["response_format"], asked["voice"] in GROQ_VOICES)
        if wanted != ("wav", True) or len(asked["input"]) > GROQ_LONGEST_TEXT:
            return self.refusal(400, "unsupported format, voice or length")
        return await super().speech(request)


class SarvamServer(VendorServer):
    """POST /speech-to-text with a key of its own header and at most 30 s of audio."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/speech-to-text", self.speech_to_text)]

    def authorised(self, request: web.Request) -> bool:
        return request.headers.get("api-subscription-key") == KEY

    def refusal(self, status: int, message: str) -> web.Response:
        error = {"message": message, "code": "invalid_request_error", "request_id": "r1"}
        return web.json_response({"error": error}, status=status, headers=self.reply_headers)

    async def speech_to_text(self, request: web.Request) -> web.StreamResponse:
        asked = await self.uploaded(request)
        if instead := await self.before(request, asked):
            return instead
        if not asked["language_code"].endswith("-IN") or asked["mode"] != "transcribe":
            return self.refusal(422, "unknown language_code or mode")
        if wav.parse(asked["file"]).seconds > SARVAM_LONGEST_S:
            return self.refusal(400, "Audio duration exceeds the maximum limit of 30 seconds")
        text = (self.hears if loud(asked["file"]) else "") if self.hears else self.text
        return await self.json(request, {
            "request_id": "r1", "transcript": text, "language_code": asked["language_code"],
            "language_probability": None,
        })  # fmt: skip
