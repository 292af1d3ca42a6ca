"""Circuits: what they promise whatever happens, and the cases an admin thinks of."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.providers.circuit import Circuit, Circuits, CircuitSettings, CircuitState, Permit

SETTINGS = CircuitSettings(
    in_a_row=3, within=5, window_s=60.0, cool_down_s=5.0, longest_cool_down_s=20.0
)


def fail(circuit: Circuit, now: float, times: int = 1) -> None:
    for _ in range(times):
        permit = circuit.ask(now)
        assert permit is not None
        circuit.failed(permit, now)


def succeed(circuit: Circuit, now: float) -> None:
    permit = circuit.ask(now)
    assert permit is not None
    circuit.succeeded(permit, now)


def opened(now: float = 0.0) -> Circuit:
    circuit = Circuit(SETTINGS)
    fail(circuit, now, SETTINGS.in_a_row)
    assert circuit.state(now) is CircuitState.OPEN
    return circuit


def test_it_opens_at_the_third_failure_in_a_row() -> None:
    circuit = Circuit(SETTINGS)
    fail(circuit, 0.0, 2)
    succeed(circuit, 1.0)
    fail(circuit, 2.0, 2)
    assert circuit.state(2.0) is CircuitState.CLOSED
    fail(circuit, 3.0)
    assert circuit.state(3.0) is CircuitState.OPEN and circuit.ask(3.0) is None


@pytest.mark.parametrize(("apart_s", "state"), [(10.0, "open"), (20.0, "closed")])
def test_it_opens_when_every_other_request_fails_for_long_enough(
    apart_s: float, state: str
) -> None:
    circuit = Circuit(SETTINGS)
    for number in range(SETTINGS.within):
        succeed(circuit, number * apart_s)
        fail(circuit, number * apart_s)
    assert circuit.state(4 * apart_s) == state


def test_after_the_cool_down_one_probe_decides() -> None:
    circuit = opened(100.0)
    assert circuit.ask(104.9) is None
    probe = circuit.ask(105.0)
    assert probe is not None and circuit.ask(105.0) is None, "one at a time"
    circuit.succeeded(probe, 106.0)
    assert circuit.state(106.0) is CircuitState.CLOSED
    fail(circuit, 106.0, SETTINGS.in_a_row)
    assert circuit.state(110.9) is CircuitState.OPEN, "the cool-down begins short again"
    assert circuit.state(111.0) is CircuitState.HALF_OPEN


def test_each_probe_that_fails_doubles_the_cool_down_up_to_a_bound() -> None:
    circuit, now = opened(), 0.0
    for cool_down_s in (5.0, 10.0, 20.0, 20.0):
        assert circuit.ask(now + cool_down_s - 0.1) is None
        now += cool_down_s
        fail(circuit, now)


def test_a_probe_nobody_waits_for_makes_room_for_the_next() -> None:
    circuit = opened()
    probe = circuit.ask(5.0)
    assert probe is not None
    circuit.let_go(probe)
    assert circuit.ask(5.0) is not None


def test_what_was_asked_before_it_opened_says_nothing_after() -> None:
    circuit = Circuit(SETTINGS)
    late = [circuit.ask(0.0) for _ in range(2)]
    fail(circuit, 1.0, SETTINGS.in_a_row)
    good, bad = late
    assert good is not None and bad is not None
    circuit.succeeded(good, 2.0)
    assert circuit.state(2.0) is CircuitState.OPEN
    circuit.failed(bad, 6.0)
    assert circuit.ask(6.0) is not None


def test_one_circuit_a_provider_and_kind() -> None:
    circuits = Circuits(SETTINGS)
    fail(circuits.of("stt", "groq"), 0.0, SETTINGS.in_a_row)
    assert circuits.of("stt", "groq").ask(0.0) is None
    assert circuits.of("tts", "groq").ask(0.0) is not None


class AnyUse(RuleBasedStateMachine):
    """Calls ask, answers come late and in any order, some are never wanted again."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit, self.now = Circuit(SETTINGS), 0.0
        self.out: list[Permit] = []
        self.denied_since: float | None = None

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        state = self.circuit.state(self.now)
        permit = self.circuit.ask(self.now)
        if permit is None:
            assert state is not CircuitState.CLOSED, "a closed circuit refuses nobody"
        else:
            assert state is not CircuitState.OPEN, "an open one lets nobody through"
            assert permit.probe == (state is CircuitState.HALF_OPEN)
            self.out.append(permit)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "let go"]))
    def hear_back(self, data: st.DataObject, how: str) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        match how:
            case "succeeded":
                self.circuit.succeeded(permit, self.now)
            case "failed":
                self.circuit.failed(permit, self.now)
            case _:
                self.circuit.let_go(permit)

    @rule()
    def all_calls_end(self) -> None:
        """Then the provider is asked again within the longest cool-down, whatever was before."""
        while self.out:
            self.circuit.let_go(self.out.pop())
        self.now += SETTINGS.longest_cool_down_s
        permit = self.circuit.ask(self.now)
        assert permit is not None
        self.circuit.let_go(permit)

    @rule()
    def it_gets_well(self) -> None:
        """One answer after the cool-down closes it."""
        self.all_calls_end()
        permit = self.circuit.ask(self.now)
        assert permit is not None
        self.circuit.succeeded(permit, self.now)
        assert self.circuit.state(self.now) is CircuitState.CLOSED

    @invariant()
    def at_most_one_probe_counts(self) -> None:
        if self.circuit.state(self.now) is CircuitState.HALF_OPEN:
            epochs = [permit.epoch for permit in self.out if permit.probe]
            assert len(epochs) == len(set(epochs))


TestAnyUse = AnyUse.TestCase
