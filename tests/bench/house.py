"""A call manager with providers that take no time, for benches that count what is left."""

from __future__ import annotations

from pathlib import Path

from bot.calls.manager import CallManager
from bot.calls.phrasebook import Phrasebook, first_phrases
from bot.config import Ai, Config, Dialplans, Personas, Recordings, Store
from bot.library import Library
from bot.store.recorder import CallLog
from bot.store.recording import flush_recordings

PERSONA = """
name = "Bench"
greeting = "Hello, this is the bench. What would you like to be measured?"
system_prompt = "Be quick."
metadata = { source_template_id = "helpful-assistant" }
turn = { silence_ms = 700 }
"""
PLAN = """
[[routes]]
number = "1000"
persona = "bench"
[[routes]]
number = "1003"
persona = "bench"
ring_s = 2
"""


class BenchHouse:
    """In `folder`, with everything real but the providers."""

    def __init__(self, folder: Path) -> None:
        for kind, text in (("personas", PERSONA), ("dialplans", PLAN)):
            (folder / kind).mkdir()
            (folder / kind / "bench.toml").write_text(text)
        self.config = Config(
            ai=Ai(mode="mock"),
            store=Store(path=folder / "bot.db"),
            recordings=Recordings(dir=folder / "recordings"),
            personas=Personas(dir=folder / "personas"),
            dialplans=Dialplans(dir=folder / "dialplans"),
        )
        self.library = Library(self.config.personas.dir, self.config.dialplans.dir)
        self.records = CallLog(self.config.store.path)
        self.phrases = Phrasebook(folder / "phrases")
        self.manager = CallManager(self.config, self.library, self.records, self.phrases)

    async def warm_up(self) -> None:
        (persona,) = self.library.personas.values()
        tts = self.manager.providers(persona).tts
        await self.phrases.render(persona, first_phrases(persona), tts)

    def close(self) -> None:
        flush_recordings()
        self.records.close()
