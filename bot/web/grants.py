"""What a visitor may do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """Empty names allow every number and persona; `status` also the pages about all calls."""

    number: str = ""
    persona: str = ""  # slug
    status: bool = False

    def allows(self, *, number: str, persona: str) -> bool:
        """May they call this number, which reaches this persona?"""
        if self.number:
            return number == self.number
        return not self.persona or persona == self.persona

    def as_text(self) -> str:
        """For a header between workers of ours."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Grant:
        return cls(**json.loads(text))


EVERYTHING = Grant(status=True)
