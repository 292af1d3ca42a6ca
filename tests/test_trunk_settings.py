"""[[sip.trunk]]: what is read, what is refused and why, how numbers are rewritten, where passwords
may be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli_check import check
from bot.config import check_config, load_config
from bot.errors import ConfigError
from bot.sip_settings import AT_HOME
from bot.trunk_settings import MOST_TRUNKS, Trunk, rewritten
from bot.workers.sip_logins import password_of

ROOT = Path(__file__).resolve().parents[1]
A = 'name = "a"\nservers = ["a"]\nuser = "1"'
ACME = 'name = "acme"\nservers = ["sip.example.com"]\nuser = "4930555"\n'


@pytest.fixture
def faults(tmp_path):
    def told(text: str, environ: dict[str, str] | None = None) -> list[str]:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        found = check_config(path, environ or {})[1]
        return [str(fault).removeprefix(f"{path}: ") for fault in found]

    return told


def test_the_shortest_trunk_registers_with_its_first_server(faults, tmp_path):
    assert faults(f"[[sip.trunk]]\n{ACME}") == []
    (trunk,) = load_config(tmp_path / "config.toml", {}).sip.trunk
    assert trunk.register_ and trunk.password_name == "SIP_TRUNK_ACME_PASSWORD"
    assert (trunk.transport, trunk.expires_s, trunk.realm) == ("udp", 300, "*")


def test_by_default_this_machine_and_private_networks_are_heard(faults, tmp_path):
    faults("")
    sip = load_config(tmp_path / "config.toml", {}).sip
    assert sip.allow == AT_HOME and sip.refuse == "silence"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "Acme"\nservers = ["a"]\nuser = "1"', "sip.trunk[1].name: is 'Acme'."),
        ('name = "a"\nservers = []\nuser = "1"', "sip.trunk[1].servers: is empty."),
        ('name = "a"\nservers = ["a b"]\nuser = "1"', "sip.trunk[1].servers[1]: is 'a b'."),
        ('name = "a"\nservers = ["a:0"]\nuser = "1"', "sip.trunk[1].servers[1]: is 'a:0'."),
        ('name = "a"\nservers = ["a"]', "sip.trunk[1].user: is missing."),
        ('name = "a"\nservers = ["a"]\nregistr = true', 'Did you mean "register"?'),
        (
            'name = "a"\nservers = ["a"]\nuser = "1"\nallow = ["10.0.0.1/8"]',
            "trunk[1].allow[1]: is",
        ),
        (f'{A}\nproxy = "a:x"', "sip.trunk[1].proxy: is 'a:x'."),
        (f"{A}\nexpires_s = 5", "It must be at least 60."),
        (
            'name = "a"\nservers = ["a"]\nuser = "1"\ntransport = "tls"',
            "Use one of 'udp' or 'tcp'.",
        ),
    ],
)
def test_each_fault_of_a_trunk_is_told(faults, text, expected):
    assert any(expected in fault for fault in faults(f"[[sip.trunk]]\n{text}\n"))


def test_two_trunks_of_one_name_and_too_many_are_faults(faults):
    told = faults(f"[[sip.trunk]]\n{ACME}" * 2)
    assert told == ["sip.trunk[2].name: is 'acme', as another trunk's. Give it a name of its own."]
    many = "".join(
        f"[[sip.trunk]]\n{ACME.replace('acme', f'acme{number}')}"
        for number in range(MOST_TRUNKS + 1)
    )
    assert any("There may be 7 at most." in fault for fault in faults(many))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('stun = "a b"', "sip.stun: is 'a b'."),
        ('public_address = "a b"', "sip.public_address: is 'a b'."),
        ('allow = ["everybody"]', "sip.allow[1]: is 'everybody'."),
        ('refuse = "404"', "Use one of 'silence' or '403'."),
        ('tls_bind = "0.0.0.0:5061"', "sip.tls_bind: is '0.0.0.0:5061'. It must be left out:"),
    ],
)
def test_each_fault_of_the_telephone_side_is_told(faults, text, expected):
    assert any(expected in fault for fault in faults(f"[sip]\n{text}\n"))


def test_a_password_in_the_file_or_in_an_override_is_a_fault_that_does_not_show_it(faults):
    told = faults(f'[[sip.trunk]]\n{ACME}password = "hunter2hunter2"\n')
    over = faults("", {"BOT__SIP__TRUNK": '[{name="a",servers=["h"],user="1",password="hunter2"}]'})
    for fault in (*told, *over):
        assert "hunter2" not in fault and "SIP_TRUNK_NAME_PASSWORD" in fault
    assert told[0].startswith("sip.trunk[1].password: holds a secret in clear.")
    assert over[0].startswith("environment: BOT__SIP__TRUNK: holds a secret in clear.")


def test_the_environment_can_hold_the_trunks(faults, tmp_path):
    environ = {"BOT__SIP__TRUNK": '[{name="a",servers=["h"],register=false}]'}
    assert faults("", environ) == []
    assert load_config(tmp_path / "config.toml", environ).sip.trunk[0].name == "a"


def test_a_password_comes_from_the_environment_or_a_file(monkeypatch, tmp_path):
    trunk = Trunk(name="my-carrier", servers=["h"], user="1")
    name = "SIP_TRUNK_MY_CARRIER_PASSWORD"
    with pytest.raises(ConfigError, match=f"{name}: is not set, and trunk my-carrier registers"):
        password_of(trunk)
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    assert password_of(trunk) == "from a file"
    monkeypatch.setenv(name, "from the environment")
    assert password_of(trunk) == "from the environment"
    assert not password_of(Trunk(name="my-carrier", servers=["h"], register=False))


def test_check_asks_for_the_password_and_tells_who_is_heard(tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    folders = f'[personas]\ndir = "{ROOT}/personas"\n[dialplans]\ndir = "{ROOT}/dialplans"\n'
    path.write_text(f"{folders}[[sip.trunk]]\n{ACME}")
    result = CliRunner().invoke(check, ["-c", str(path)])
    assert result.exit_code == 2 and "SIP_TRUNK_ACME_PASSWORD" in result.output
    monkeypatch.setenv("SIP_TRUNK_ACME_PASSWORD", "x")
    result = CliRunner().invoke(check, ["-c", str(path)])
    assert result.exit_code == 0 and "192.168.0.0/16, 169.254.0.0/16, trunk acme." in result.output
    path.write_text(f'{folders}[sip]\nallow = ["0.0.0.0/0"]')
    result = CliRunner().invoke(check, ["-c", str(path)])
    assert "sip.allow lets everybody call" in result.output


@pytest.mark.parametrize(
    ("number", "strip", "add", "expected"),
    [
        ("+4930123", "+49", "0", "030123"),
        ("030123", "+49", "0", "030123"),  # written in another way already
        ("030123", "0", "+49", "+4930123"),
        ("1000", "", "9", "91000"),
        ("1000", "1000", "", ""),
        ("", "", "", ""),
    ],
)
def test_a_number_is_rewritten_at_its_front(number, strip, add, expected):
    assert rewritten(number, strip, add) == expected


def test_the_toml_of_the_page_is_a_configuration(faults, tmp_path):
    """Each block for itself, and all trunks together."""
    page = (ROOT / "docs" / "trunks.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.+?)```", page, re.S)
    assert len(blocks) == 4
    for block in blocks:
        assert faults(block) == [], block
    assert faults("\n".join(block for block in blocks if "[[sip.trunk]]" in block)) == []
    assert [trunk.name for trunk in load_config(tmp_path / "config.toml", {}).sip.trunk] == [
        "acme",
        "pbx",
    ]
    for name in re.findall(r"^\| `(\w+)` \|", page, re.M):
        assert name in Trunk.model_fields, name


def test_addresses_need_no_looking_up() -> None:
    given = ["203.0.113.5:5080", "sip.example.com", "999.1.1.1"]
    trunk = Trunk(name="x", servers=given, register=False, allow=["198.51.100.0/24"])
    assert trunk.networks == ["198.51.100.0/24", "203.0.113.5"]
