"""Opening the call record to look something up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from bot.errors import StoreError
from bot.store.schema import open_for_reading


@contextmanager
def reading(path: Path) -> Iterator[Database]:
    """The database, for reading only. Raises StoreError."""
    db = open_for_reading(path)
    try:
        yield db
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read ({error}).") from None
    finally:
        db.close()
