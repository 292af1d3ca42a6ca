"""Dialplans: who answers whom, and plans that contradict themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.dialplan import Dialplan, Route, check_plans, decide, load_dialplan
from bot.errors import ConfigError

DIALPLANS = Path(__file__).resolve().parents[1] / "dialplans"
PLAN = Dialplan(
    routes=[
        Route(number="1000", persona="exact"),
        Route(number="1*", persona="ones"),
        Route(number="10*", persona="tens"),
        Route(number="1000", persona="vip", callers=["+49", "boss"]),
        Route(number="+49*", persona="germany"),
    ],
    default=Route(persona="default"),
)


def faults_of(folder: Path) -> list[str]:
    return [str(fault).removeprefix(f"{folder}/") for fault in check_plans(folder)[1]]


@pytest.mark.parametrize(
    ("called", "caller", "persona", "why"),
    [
        ("1000", "", "exact", "1000 matches route 1000"),
        ("1000", "+4930", "vip", "1000 matches route 1000 for this caller"),
        ("1000", "boss", "vip", "1000 matches route 1000 for this caller"),
        ("1001", "", "tens", "1001 matches route 10*"),
        ("1100", "", "ones", "1100 matches route 1*"),
        ("+4930123", "", "germany", "+4930123 matches route +49*"),
        ("alice", "", "default", "no route for alice: the default answers"),
        ("", "", "default", "no route for : the default answers"),
    ],
)
def test_the_most_specific_route_wins(called, caller, persona, why):
    decision = decide(PLAN, called, caller)
    assert decision.route is not None
    assert (decision.route.persona, decision.why) == (persona, why)


@pytest.mark.parametrize("called", ["+493012345678", "03012345678", "+49 30 1234-5678"])
def test_a_number_is_the_same_in_every_spelling(called):
    plan = Dialplan(routes=[Route(number="03012345678", persona="berlin")])
    found = decide(plan, called, "", "DE").route
    assert found is not None and found.persona == "berlin"
    assert decide(plan, "03012345678", "").route is not None
    assert decide(plan, "+493012345678", "").route is None, "no region, no rules"


def test_callers_are_compared_in_every_spelling():
    plan = Dialplan(routes=[Route(number="1", persona="x", callers=["+4930"])])
    assert decide(plan, "1", "03012345678", "DE").route is not None
    assert decide(plan, "1", "03012345678").route is None


def test_without_a_default_nobody_answers():
    decision = decide(Dialplan(routes=PLAN.routes), "2000", "")
    assert decision.route is None
    assert decision.why == "no route for 2000 and no default"


@given(some.permutations(PLAN.routes), some.from_regex(r"[+0-9]{0,6}", fullmatch=True))
def test_the_order_of_routes_does_not_matter_when_none_is_told_twice(routes, called):
    shuffled = PLAN.model_copy(update={"routes": routes})
    assert decide(shuffled, called, "") == decide(PLAN, called, "")


def test_the_shipped_plan():
    plan = load_dialplan(DIALPLANS)
    answered = {
        number: decide(plan, number, "").route.persona for number in ("1000", "1001", "1002", "9")
    }
    assert answered == {
        "1000": "helpful-assistant",
        "1001": "technical-interviewer",
        "1002": "domain-expert",
        "9": "helpful-assistant",
    }


def test_all_files_are_one_plan(tmp_path):
    (tmp_path / "a.toml").write_text("[[routes]]\nnumber = '1'\npersona = 'a'\n")
    (tmp_path / "b.toml").write_text(
        "[default]\npersona = 'b'\n[[routes]]\nnumber = '2'\npersona = 'b'\n"
    )
    plan = load_dialplan(tmp_path)
    assert [route.number for route in plan.routes] == ["1", "2"]
    assert plan.default == Route(persona="b")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, [" holds no dialplan. Put a .toml file with a [default] there."]),
        (
            {"a": "[default]\npersona = 'x'", "b": "[default]\npersona = 'y'"},
            ["b.toml: default: comes after {}/a.toml: default, which answers the same calls. "
             "Remove one of the two."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\npersona = 'x'\n" * 2},
            ["a.toml: routes[2]: comes after {}/a.toml: routes[1], which answers the same calls. "
             "Remove one of the two."],
        ),
        (
            {"a": "[[routes]]\npersona = 'x'"},
            ["a.toml: routes[1].number: is missing. Add it; a route without one is never reached."],
        ),
        (
            {"a": "[default]\npersona = 'x'\nnumber = '1'"},
            ["a.toml: default: has a number or callers. "
             "Make it one of the [[routes]], or remove them."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\npersonna = 'x'"},
            ['a.toml: routes[1].personna: is no key known here. Did you mean "persona"?'],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'"},
            ["a.toml: routes[1].persona: is missing. Add it, or reject or redirect instead."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\npersona = 'x'\nreject = 486"},
            ["a.toml: routes[1].reject: stands beside persona. Keep one of them."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\nreject = 200"},
            ["a.toml: routes[1].reject: is 200. It must be at least 400."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\nredirect = 'pbx.example'"},
            ["a.toml: routes[1].redirect: is 'pbx.example'. It must look like "],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\npersona = 'x'\nreason = 'y'\nearly = 'ringback'"},
            ["a.toml: routes[1].reason: is for reject only. Remove it.",
             "a.toml: routes[1].early: has no time to be heard. Set ring_s."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\nreject = 486\nearly = 'prompt'"},
            ["a.toml: routes[1].early: is for routes with a persona. Remove it.",
             "a.toml: routes[1].early_text: is missing. Write what is to be said."],
        ),
        (
            {"a": "[[routes]]\nnumber = '1'\npersona = 'x'\nearly_text = 'y'"},
            ['a.toml: routes[1].early_text: is for early = "prompt" only. Remove it.'],
        ),
        ({"a": "x"}, ["a.toml: is not TOML: "]),
    ],
)  # fmt: skip
def test_faults(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)
    found = faults_of(tmp_path)
    assert len(found) == len(expected)
    for line, part in zip(found, expected, strict=True):
        assert part.format(tmp_path) in line
    with pytest.raises(ConfigError):
        load_dialplan(tmp_path)


def test_the_same_number_for_different_callers_is_fine(tmp_path):
    one = "[[routes]]\nnumber = '1'\npersona = 'x'\n"
    (tmp_path / "a.toml").write_text(f"{one}callers = ['+49']\n{one}callers = ['+1']\n{one}")
    assert faults_of(tmp_path) == []


GERMAN = Dialplan(
    routes=[
        Route(number="030 555", persona="one"),
        Route(number="030*", persona="berlin"),
        Route(number="+49*", persona="germany"),
        Route(number="00*", persona="abroad"),
        Route(number="1000", persona="inside"),
        Route(number="+49 40 123456", persona="vip", callers=["0171"]),
    ]
)


@pytest.mark.parametrize(
    ("called", "caller", "persona"),
    [
        ("030555", "", "one"),
        ("+4930555", "", "one"),
        ("004930555", "", "one"),
        ("+4930123456", "", "berlin"),
        ("+49401234567", "", "germany"),
        ("+12025550100", "", "abroad"),
        ("1000", "", "inside"),
        ("+4940123456", "+491711234567", "vip"),
        ("+4940123456", "01711234567", "vip"),
        ("+4940123456", "+491721234567", "germany"),
    ],
)
def test_routes_patterns_and_callers_may_be_written_as_people_write_them(called, caller, persona):
    decision = decide(GERMAN, called, caller, "DE")
    assert decision.route is not None and decision.route.persona == persona


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("number = '030 12345678'", "number = '+493012345678'"),
        ("number = '030*'", "number = '+4930*'"),
        ("number = '1'\ncallers = ['030']", "number = '1'\ncallers = ['+4930', '004930']"),
    ],
)
def test_one_number_in_two_spellings_is_told_twice(tmp_path, first, second):
    routes = "".join(f"[[routes]]\npersona = 'x'\n{each}\n" for each in (first, second))
    (tmp_path / "a.toml").write_text(routes)
    assert [str(fault) for fault in check_plans(tmp_path, "DE")[1]] == [
        f"{tmp_path}/a.toml: routes[2]: comes after {tmp_path}/a.toml: routes[1], which answers "
        "the same calls. Remove one of the two."
    ]
    assert faults_of(tmp_path) == [], "no region, no rules"
