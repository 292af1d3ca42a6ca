"""https by certificates of one's own: `web.tls_cert` and `web.tls_key`.

The key may be replaced while the bot runs (SIGHUP): connections that begin later meet the new one.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from cryptography import x509

from bot.config import Config
from bot.errors import BotError, StartError

Fault: TypeAlias = tuple[str, str, str]  # key, what is wrong, remedy
MISMATCH = ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")  # of its kind; of another kind
OTHER = {"web.tls_cert": "web.tls_key", "web.tls_key": "web.tls_cert"}


def make_ssl(config: Config) -> ssl.SSLContext | None:
    """What the web worker listens with; None when no certificate is configured.

    Raises StartError naming the key and the remedy.
    """
    if not (config.web.tls_cert or config.web.tls_key):
        return None
    for key, what, remedy in tls_faults(config):
        raise StartError(f"{key}: {what} {remedy}")
    return _loaded(config)


def renew_ssl(context: ssl.SSLContext, config: Config) -> None:
    """Let the next connections of `context` meet what is in the files now.

    Raises StartError when they cannot be used; then the old certificate goes on serving.
    """
    fresh = make_ssl(config)

    def swap(connection: ssl.SSLObject, _name: str | None, _old: ssl.SSLContext) -> None:
        # a context keeps one certificate for each kind of key: the old ECDSA one would stay beside
        # a new RSA one if it were loaded into the same context
        if fresh is not None:
            connection.context = fresh

    context.sni_callback = swap


def tls_faults(config: Config) -> Iterator[Fault]:
    """What is wrong with the files. That a certificate has expired is no fault here."""
    files = {"web.tls_cert": config.web.tls_cert, "web.tls_key": config.web.tls_key}
    faults = [*_half(files), *_unreadable(files)]
    if not faults and any(files.values()):
        faults = list(_unfit(config))
    yield from faults


def _half(files: Mapping[str, str]) -> Iterator[Fault]:
    empty = [key for key, file in files.items() if not file]
    for key in empty if len(empty) == 1 else ():
        remedy = f"Name the file that belongs to it, or empty {OTHER[key]}."
        yield key, f"is empty, and {OTHER[key]} is not.", remedy


def _unreadable(files: Mapping[str, str]) -> Iterator[Fault]:
    for key, file in files.items():
        try:
            if file:
                Path(file).read_bytes()
        except OSError as error:
            what = f"is {file}, which cannot be read ({error.strerror})."
            yield key, what, "Mend its path or its rights."


def _unfit(config: Config) -> Iterator[Fault]:
    """Files that can be read, and do not hold what they should."""
    try:
        certificates(config)
    except ValueError:
        remedy = "Name the PEM file with the certificate and its chain."
        yield "web.tls_cert", f"is {config.web.tls_cert}, which holds no certificate.", remedy
        return
    try:
        _loaded(config)
    except _Encrypted:
        remedy = "Write it without: openssl pkey -in KEY -out PLAIN"
        yield "web.tls_key", "is protected by a passphrase that nobody can type in.", remedy
    except ssl.SSLError as error:
        mismatch = error.reason in MISMATCH
        none = f"is {config.web.tls_key}, which holds no private key."
        what = "is not the key of web.tls_cert." if mismatch else none
        yield "web.tls_key", what, "Name the PEM file with the private key of the certificate."


def certificates(config: Config) -> list[x509.Certificate]:
    """Those of web.tls_cert, our own first. Raises ValueError when there is none, OSError."""
    return x509.load_pem_x509_certificates(Path(config.web.tls_cert).read_bytes())


def valid_for_days(config: Config) -> float:
    """How long the certificate is valid from now on; negative when it no longer is."""
    until = certificates(config)[0].not_valid_after_utc
    return (until - datetime.now(UTC)).total_seconds() / 86400


class _Encrypted(BotError):
    """A private key asks for a passphrase."""


def _loaded(config: Config) -> ssl.SSLContext:
    def ask() -> str:
        raise _Encrypted  # or OpenSSL would ask on the terminal

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(config.web.tls_cert, config.web.tls_key, ask)
    return context
