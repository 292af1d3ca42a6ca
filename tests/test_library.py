"""The library: read at the start, read again later, never broken by a broken file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.dialplan import decide
from bot.errors import ConfigError
from bot.library import Library, read_shelf

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folders(tmp_path):
    for name in ("personas", "dialplans"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path / "personas", tmp_path / "dialplans"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_change_is_taken_over(folders):
    library = Library(*folders)
    old = library.personas["domain-expert"]
    edit(folders[0] / "domain-expert.toml", "Good day", "Good evening")
    assert library.reload() == []
    assert library.personas["domain-expert"].greeting.startswith("Good evening")
    assert old.greeting.startswith("Good day")  # a call under way keeps what it took


def test_a_broken_persona_keeps_its_last_form_while_others_change(folders):
    library = Library(*folders)
    edit(folders[0] / "domain-expert.toml", "greeting =", "greting =")
    edit(folders[0] / "helpful-assistant.toml", "Hello, this is", "Welcome to")
    faults = library.reload()
    assert [fault.key for fault in faults] == ["greeting", "greting"]
    assert library.personas["domain-expert"].greeting.startswith("Good day")
    assert library.personas["helpful-assistant"].greeting.startswith("Welcome to")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('persona = "domain-expert"', 'persona = "domain-expret"'),
        ("[default]", "[default"),
        ('number = "1002"', 'number = "1001"'),
    ],
)
def test_a_broken_plan_stays_as_it_was(folders, old, new):
    library = Library(*folders)
    plan = library.plan
    edit(folders[1] / "default.toml", old, new)
    assert len(library.reload()) == 1
    assert library.plan == plan
    shutil.copy(ROOT / "dialplans" / "default.toml", folders[1])
    assert library.reload() == []


def test_a_removed_persona_stays_while_the_plan_needs_it(folders):
    library = Library(*folders)
    (folders[0] / "domain-expert.toml").unlink()
    (fault,) = library.reload()
    assert fault.key == "routes[3].persona"
    route = decide(library.plan, "1002", "").route
    assert route is not None
    assert route.persona in library.personas
    edit(folders[1] / "default.toml", 'persona = "domain-expert"', 'persona = "helpful-assistant"')
    assert library.reload() == []
    assert "domain-expert" not in library.personas


def test_it_does_not_start_with_a_broken_file(folders):
    edit(folders[1] / "default.toml", 'persona = "domain-expert"', 'persona = "domain-expret"')
    with pytest.raises(ConfigError, match='Did you mean "domain-expert"') as caught:
        Library(*folders)
    assert caught.value.key == "routes[3].persona"


def test_a_broken_persona_is_one_fault_and_not_one_for_each_route(folders):
    edit(folders[0] / "helpful-assistant.toml", "greeting =", "greeting = 5 #")
    shelf = read_shelf(*folders)
    assert [(Path(fault.file).name, fault.key) for fault in shelf.faults] == [
        ("helpful-assistant.toml", "greeting")
    ]
    assert shelf.plan is not None


def test_folders_without_files(tmp_path):
    with pytest.raises(ConfigError, match="holds no persona"):
        Library(tmp_path, ROOT / "dialplans")
