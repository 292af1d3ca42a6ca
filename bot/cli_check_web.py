"""Is the browser's door as it should be? Part of `check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.config import Config
from bot.errors import ConfigError
from bot.secrets import secret
from bot.web.access import access_mode, bound_to_loopback, is_local
from bot.web.links import KEY_FILE, VARIABLE, key_file, link_secret
from bot.web.tls import tls_faults, valid_for_days

RENEW_DAYS = 14


def web_faults(config: Config, path: Path) -> Iterator[ConfigError]:
    """Certificates that do not serve, secrets that do not sign."""
    faults = list(tls_faults(config))
    for key, what, remedy in faults:
        yield ConfigError(str(path), key, what, remedy)
    if config.web.tls_cert and not faults and valid_for_days(config) < 0:
        what = f"is {config.web.tls_cert}, which has expired."
        yield ConfigError(str(path), "web.tls_cert", what, "Renew it, then send SIGHUP.")
    try:
        # `check` makes no file: a key that is not there yet is no fault
        if secret(VARIABLE) or (not is_local(config) and key_file(config).exists()):
            link_secret(config)
    except ConfigError as error:
        yield error


def web_notes(config: Config, path: Path) -> Iterator[str]:
    """What works, but perhaps not as it is meant."""
    web = config.web
    if access_mode(config) == "open" and not is_local(config):
        where = f"on {web.bind}" if not bound_to_loopback(config) else "behind a proxy"
        yield (
            f'Note: {path}: web.access is "open" {where}: everybody who finds the page may call. '
            'Set it to "link" and hand out links (python -m bot link).'
        )
    if access_mode(config) == "link" and not secret(VARIABLE):
        yield (
            f"Note: environment: {VARIABLE} is not set: links are signed with {KEY_FILE} beside "
            "the database, which no other machine and no other site has."
        )
    if not (bound_to_loopback(config) or web.tls_cert or web.trusted_proxies):
        yield (
            f"Note: {path}: web.bind is {web.bind}, without https: browsers use a microphone on "
            "https and localhost only. Set web.tls_cert and web.tls_key, or put a proxy with https "
            "before it and name it in web.trusted_proxies."
        )
    if web.tls_cert and (days := valid_for_days(config)) < RENEW_DAYS:
        yield f"Note: {path}: web.tls_cert expires in {days:.0f} days."
