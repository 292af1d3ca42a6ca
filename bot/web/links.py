"""Call links: signed tokens (JWT, HS256) that say who may be called, or that the status may be
read, and until when. Any site that has the secret can mint them; docs/access.md has the claims.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jwt
from jwt.exceptions import InvalidSubjectError

from bot.config import Config
from bot.errors import BotError, ConfigError
from bot.secrets import secret

AUDIENCE = "voice-bot"
ALGORITHM = "HS256"
ANY = "*"  # the subject of a link that may call everybody
VARIABLE = "WEB_LINK_SECRET"
KEY_FILE = "web-link.key"  # beside the database
MIN_SECRET_BYTES = 32  # as many as HS256's hash has
MAX_TOKEN = 2048  # characters; ours have about 200
LEEWAY_S = 30.0  # clocks of two machines differ

Scope = Literal["call", "status"]
Why = Literal["expired", "forged", "other"]
SCOPES: tuple[Scope, ...] = ("call", "status")


class LinkRefused(BotError):
    """A token that opens nothing here; its text never quotes it."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(f"the link is refused: {why}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do here."""

    scopes: frozenset[Scope] = frozenset()
    subject: str = ANY  # a number, or a persona's slug
    expires_at: float | None = None  # seconds since 1970

    def allows(
        self,
        *,
        number: str = "",
        persona: str = "",
        personas_by_number: Callable[[str], str | None],
    ) -> bool:
        """May this number, or this persona, be called? Both empty: the default number."""
        if "call" not in self.scopes:
            return False
        if self.subject == ANY:
            return True
        if persona:  # a link to a number is no link to whoever answers it at the moment
            return persona == self.subject
        return self.subject in (number, personas_by_number(number))

    def as_text(self) -> str:
        """For a header between workers of ours."""
        return json.dumps([sorted(self.scopes), self.subject, self.expires_at])

    @classmethod
    def from_text(cls, text: str) -> Grant:
        scopes, subject, expires_at = json.loads(text)
        return cls(frozenset(scopes), subject, expires_at)


EVERYTHING = Grant(frozenset(SCOPES))
CALLS = Grant(frozenset[Scope](["call"]))
NOTHING = Grant()


class Links:
    """Makes and reads tokens with one secret."""

    def __init__(self, key: str) -> None:
        self._key = key

    def make(self, subject: str = ANY, *, valid_s: float, scope: Scope = "call") -> str:
        """A token for a number, a persona's slug, or ANY."""
        now = int(time.time())
        claims = {
            "sub": subject, "scope": scope, "aud": AUDIENCE,
            "iat": now, "exp": now + max(1, round(valid_s)),
        }  # fmt: skip
        return jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str) -> Grant:
        """What the token grants. Raises LinkRefused."""
        if len(token) > MAX_TOKEN or not token.isascii():
            raise LinkRefused("forged")
        claims = self._claims(token)
        scope, subject = claims["scope"], claims["sub"]
        if scope not in SCOPES or not subject:
            raise LinkRefused("other")
        return Grant(frozenset[Scope]([scope]), subject, float(claims["exp"]))

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token, self._key, [ALGORITHM], audience=AUDIENCE, leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "aud", "sub", "scope"]},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise LinkRefused("expired") from None
        except (
            jwt.InvalidAudienceError, jwt.MissingRequiredClaimError, jwt.ImmatureSignatureError,
            jwt.InvalidIssuedAtError, InvalidSubjectError,
        ):  # fmt: skip
            raise LinkRefused("other") from None
        except (jwt.InvalidTokenError, OverflowError):  # an `exp` of 1e999 overflows
            raise LinkRefused("forged") from None


def links_of(config: Config) -> Links:
    """Links as this bot signs them. Raises ConfigError, see `link_secret`."""
    return Links(link_secret(config))


def link_secret(config: Config) -> str:
    """WEB_LINK_SECRET or WEB_LINK_SECRET_FILE, else the key beside the database, made at need.

    Raises ConfigError when it is too short, or cannot be read or made.
    """
    given = secret(VARIABLE)
    if given:
        place, found, remedy = (
            ("environment", VARIABLE),
            given,
            "Make one: openssl rand -base64 48",
        )
    else:
        file = key_file(config)
        place, found, remedy = (str(file), ""), _kept(file), "Delete it: the bot makes another."
    if len(found.encode()) < MIN_SECRET_BYTES:
        what = f"is shorter than {MIN_SECRET_BYTES} bytes and could be guessed."
        raise ConfigError(*place, what, remedy)
    return found


def key_file(config: Config) -> Path:
    """Where the secret is kept that nobody gave us."""
    return config.store.path.parent / KEY_FILE


def _kept(file: Path) -> str:
    """The secret in the file, which is made if it is not there."""
    try:
        if not file.exists():
            _make(file)
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "no text"
        remedy = f"Mend its rights, let the bot's user own it, or set {VARIABLE}."
        raise ConfigError(str(file), "", f"cannot be read or made ({told}).", remedy) from None


def _make(file: Path) -> None:
    """A random secret, written whole and then given its name: of several processes that do this at
    once the first one wins and all read the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{KEY_FILE}.", dir=file.parent)  # of mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_urlsafe(48) + "\n")
            out.flush()
            os.fsync(out.fileno())
        if os.geteuid() == 0:  # `bot link` run by root must not lock out a bot that is not root
            owner = file.parent.stat()
            os.chown(name, owner.st_uid, owner.st_gid)
        os.link(name, file)
    except FileExistsError:
        pass  # another process was quicker
    finally:
        Path(name).unlink()
