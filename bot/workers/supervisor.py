"""Starts the workers, respawns what dies, closes the records of the dead, says goodbye at the end.

supervisor ─┬─ speech worker   when local models are configured
            ├─ sip worker      up to 4 calls
            └─ web worker ×n   pages and browser calls; the first has the port
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import connection
from pathlib import Path

import structlog

from bot.config import Config, load_config
from bot.dialplan import ends_in
from bot.legs.sip_address import bindable
from bot.library import Library, library_of
from bot.logs import set_up_logs
from bot.providers.names import coqui_wanted, local_speech
from bot.store.orphans import close_orphans
from bot.workers.child import CANNOT_START, Child, Ready

SHARED = ("bot.workers.web_worker", "bot.workers.sip_worker")  # imported once, before the fork
STOP_WITHIN_S = 9.5  # everything, so that a service manager's 10 s are kept
log = structlog.get_logger(__name__)


def serve(config_path: Path) -> int:
    """Run the bot until SIGTERM or Ctrl-C; the exit code.

    Raises ConfigError or StartError when it cannot start.
    """
    config = load_config(config_path)
    set_up_logs(config.logs)
    library = library_of(config)
    bindable(config.sip.bind)  # before anything is loaded: a taken port is told at once
    config.store.path.parent.mkdir(parents=True, exist_ok=True)
    closed = close_orphans(config.store.path, None, "bot was killed", datetime.now(UTC))
    if closed:
        log.warning("closed records left open by an earlier run", calls=closed)
    return Supervisor(config, library).run()


class Supervisor:
    """The parent process; it carries no calls and imports what its workers share before it forks
    them. The speech worker is forked first: its models load while the parent imports."""

    def __init__(self, config: Config, library: Library) -> None:
        self._config, self._library = config, library
        self._sip = Child("sip worker", self._carry_calls)
        self._webs = [_web(config, library, index) for index in range(config.web.workers)]
        self._speech = Child("speech worker", lambda ready: _speech(config, library, ready))
        local = local_speech(config, library.personas.values()) is not None
        self._children = [*([self._speech] if local else []), self._sip, *self._webs]
        self._began = time.monotonic()
        self._told = False

    def run(self) -> int:
        with _signals() as signals:
            for child in self._children:
                self._say(f"starting {child.name} …")
                if child is self._sip:
                    for module in SHARED:
                        import_module(module)
                child.start()
            code: int | None = None
            while code is None:
                code = self._watch(signals)
        self._stop()
        return code

    def _watch(self, signals: socket.socket) -> int | None:
        """Wait for the next thing to happen and see to it; an exit code when it is the end."""
        pipes = {each.pipe: each for each in self._children if each.pipe is not None}
        ends = {each.sentinel: each for each in self._children if each.restart_at is None}
        happened = connection.wait([signals, *pipes, *ends], self._next_restart_s())
        for what in happened:
            if what is signals:
                if self._signal(signals.recv(1)[0]):
                    return 0
            elif isinstance(what, connection.Connection):
                self._ready(pipes[what])
        for sentinel, child in ends.items():
            if sentinel in happened and self._died(child):
                return CANNOT_START
        for child in self._children:
            if child.restart_at is not None and child.restart_at <= time.monotonic():
                child.start()
        return None

    def _next_restart_s(self) -> float | None:
        times = [each.restart_at for each in self._children if each.restart_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _signal(self, number: int) -> bool:
        """Is it the end?"""
        if number == signal.SIGHUP:
            self._library.reload()
            for child in (self._sip, *self._webs):
                child.send(signal.SIGHUP)
            return False
        return number in (signal.SIGTERM, signal.SIGINT)

    def _ready(self, child: Child) -> None:
        if child.take_ready():
            self._say(f"{child.name} ready after {child.ready_after_s:.1f} s")
        if not self._told and all(each.ready_after_s is not None for each in self._children):
            self._told = True
            self._say(f"ready after {time.monotonic() - self._began:.1f} s")
            self._say(banner(self._config, self._library))

    def _carry_calls(self, ready: Ready) -> int:
        """The SIP worker's main, in the child."""
        from bot.workers import sip_worker

        return sip_worker.run(self._config, self._library, ready, self._sip.starts - 1)

    def _died(self, child: Child) -> bool:
        """See to a dead child; True when the bot cannot run here at all."""
        child.wait(1.0)  # its pipe closes a moment before it can be waited for
        if child.exit_code == CANNOT_START:
            return True  # it has said why
        closed = close_orphans(
            self._config.store.path, child.pid, f"{child.name} died", datetime.now(UTC)
        )
        wait_s = child.plan_restart()
        log.error(
            "worker died", worker=child.name, exit_code=child.exit_code, calls_closed=closed,
            restart_in_s=wait_s,
        )  # fmt: skip
        return False

    def _stop(self) -> None:
        """Goodbye to live calls first; speech outlives them."""
        deadline = time.monotonic() + STOP_WITHIN_S
        self._say("saying goodbye …")
        for child in (self._sip, *self._webs):
            child.send(signal.SIGTERM)
        for child in (self._sip, *self._webs):
            child.wait(deadline - 0.8 - time.monotonic())
        self._speech.send(signal.SIGTERM)
        for child in self._children:
            child.wait(deadline - time.monotonic())
        close_orphans(self._config.store.path, None, "shutdown", datetime.now(UTC))

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def banner(config: Config, library: Library) -> str:
    """What to dial, which page to open, who answers."""
    from bot.web.access import access_mode, base_url  # by now a worker's modules are here

    host, _, port = config.sip.bind.rpartition(":")
    host = "127.0.0.1" if host in ("0.0.0.0", "[::]") else host
    at = host if port == "5060" else f"{host}:{port}"
    page = base_url(config)
    lines = ["", "Dial:"]
    for route in library.plan.routes:
        persona = library.personas.get(route.persona)
        who = f"{persona.name}  {persona.description}" if persona else ends_in(route)
        lines.append(f"  sip:{route.number}@{at:<22} {who}")
    if (default := library.plan.default) is not None:
        persona = library.personas.get(default.persona)
        lines.append(
            f"  any other number           {persona.name if persona else ends_in(default)}"
        )
    lines += [
        "",
        f"Talk: {page}/",
        f"Calls: {page}/status",
        *(["      with links from: python -m bot link"] if access_mode(config) == "link" else []),
        f'Try:  python -m bot call sip:{_first_number(library)}@{at} --say "Hello"',
        "",
    ]
    return "\n".join(lines)


def _first_number(library: Library) -> str:
    exact = [
        route.number
        for route in library.plan.routes
        if route.persona and not route.number.endswith("*")
    ]
    return exact[0] if exact else "1000"


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that becomes readable, with the signal's number, when one of ours arrives."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    old_fd = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    old: list[tuple[int, Callable[..., object] | int | None]] = [
        (number, signal.signal(number, lambda *_: None)) for number in numbers
    ]
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(old_fd)
        for number, handler in old:
            signal.signal(number, handler)
        ours.close()
        theirs.close()


def _speech(config: Config, library: Library, ready: Ready) -> int:
    from bot.workers import speech_worker

    coqui = coqui_wanted(config, library.personas.values())
    return speech_worker.run(config, on_ready=ready, coqui=coqui)


def _web(config: Config, library: Library, index: int) -> Child:
    def main(ready: Ready) -> int:
        from bot.workers import web_worker

        return web_worker.run(config, library, ready, index)

    return Child("web worker" if not index else f"web worker {index + 1}", main)
