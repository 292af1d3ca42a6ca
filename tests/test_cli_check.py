"""The command line as an admin meets it: help, faults, answers, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import COMMANDS, cli
from bot.overrides import SHORT_NAMES
from tests.support.toml_text import toml

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def admin(tmp_path, monkeypatch):
    """The shipped files in a folder of their own, and the environment without overrides."""
    for name in [each for each in os.environ if each.startswith("BOT__")]:
        monkeypatch.delenv(name)
    for name in ("GROQ_API_KEY", "GROQ_API_KEY_FILE", *SHORT_NAMES):
        monkeypatch.delenv(name, raising=False)
    for name in ("personas", "dialplans"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "config.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def bot(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python -m bot` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_sums_up_what_is_fine(admin):
    result = run("check")
    assert result.exit_code == 0
    assert "config.toml: no fault. 4 calls at once on SIP port 5060." in result.stdout
    assert "Willow Lane Clinic (helpful-assistant)" in result.stdout
    assert "1001 → technical-interviewer" in result.stdout
    assert "any other number → helpful-assistant" in result.stdout


@pytest.mark.parametrize("heeds", [False, True])
def test_check_notes_a_style_that_nobody_heeds(admin, monkeypatch, heeds):
    persona = admin / "personas" / "helpful-assistant.toml"
    voice = '[voice]\nstyle = "cheerful"\n' + ('provider = "groq"\n' if heeds else "")
    persona.write_text(persona.read_text().replace("[voice]\n", voice))
    monkeypatch.setenv("GROQ_API_KEY", "test")
    result = run("check")
    assert result.exit_code == 0, result.stderr
    note = "/helpful-assistant.toml: voice.style has no effect, the voice local has no styles."
    assert (note in result.stdout) != heeds
    assert result.stdout.count("Note:") == (0 if heeds else 1)


def test_check_names_every_fault_of_every_file_at_once(admin):
    (admin / "config.toml").write_text(
        '[sip]\nbind = "here"\n[speech]\nvoice = "/no/voice.onnx"\nwhisper = "./no"\n'
        '[ai]\nllm = "oracle"\n'
    )
    persona = admin / "personas" / "domain-expert.toml"
    persona.write_text(persona.read_text().replace("greeting =", "greting ="))
    other = admin / "personas" / "helpful-assistant.toml"
    other.write_text(other.read_text().replace("[voice]", '[voice]\nprovider = "parrot"'))
    plan = admin / "dialplans" / "default.toml"
    plan.write_text(plan.read_text().replace('a = "technical-interviewer"', 'a = "interviewer"'))
    (admin / "dialplans" / "more.toml").write_text("[default]\npersona = 'domain-expert'\n")
    result = run("check")
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    for file, key, remedy in (
        ("config.toml", "sip.bind", "0.0.0.0:5060"),
        ("config.toml", "speech.voice", "Name a Piper .onnx file"),
        ("config.toml", "speech.whisper", "Name a folder with a converted model"),
        ("config.toml", "ai.llm", "Known: groq, mock, openai_compat, scripted."),
        ("personas/domain-expert.toml", "greeting", "Add it."),
        ("personas/domain-expert.toml", "greting", 'Did you mean "greeting"?'),
        (
            "personas/helpful-assistant.toml",
            "voice.provider",
            "Known: coqui, espeak, groq, local, mock, openai_compat, piper_local.",
        ),
        ("dialplans/default.toml", "routes[2].persona", 'Did you mean "technical-interviewer"?'),
        ("dialplans/more.toml", "default", "Remove one of the two."),
    ):
        assert [line for line in lines if f"{file}: {key}: " in line and remedy in line], key
    assert lines[-1] == f"{len(lines) - 1} faults."
    assert len(set(lines)) == len(lines)


def test_check_wants_the_key_of_a_cloud(admin):
    result = CliRunner(env={"BOT__AI__MODE": "live"}).invoke(cli, ["check"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].startswith("environment: GROQ_API_KEY: is not set")
    assert result.stderr.splitlines()[1] == "1 fault."
    with_key = CliRunner(env={"BOT__AI__MODE": "live", "GROQ_API_KEY": "x"})
    assert with_key.invoke(cli, ["check"]).exit_code == 0


def test_check_wants_the_token_of_a_webhook(admin, monkeypatch):
    persona = admin / "personas" / "helpful-assistant.toml"
    hook = {"name": "order", "about": "x", "url": "https://shop.example.com/"}
    hook["bearer_env"] = "SHOP_TOKEN"
    table = tomllib.loads(persona.read_text())
    table["tools"]["webhooks"] = [hook]
    persona.write_text(toml(table))
    monkeypatch.setenv("BOT__WEBHOOKS__ALLOW", '["shop.example.com"]')
    result = run("check")
    assert result.exit_code == 2
    assert "tools.webhooks[1].bearer_env: names SHOP_TOKEN, which is not set." in result.stderr
    monkeypatch.setenv("SHOP_TOKEN", "geheim-123")
    result = run("check")
    assert result.exit_code == 0 and "geheim" not in result.output


def test_check_does_not_want_weights_that_nobody_uses(admin):
    environ = {"BOT__AI__MODE": "mock", "BOT__SPEECH__VOICE": "/no/voice.onnx"}
    assert CliRunner(env=environ).invoke(cli, ["check"]).exit_code == 0


def test_check_looks_for_what_coqui_needs(admin, monkeypatch):
    (admin / "config.toml").write_text('[ai]\ntts = "coqui"\n[coqui]\nmodel = "voices/vits.pth"\n')
    without = run("check").stderr
    assert "config.toml: coqui.config: is empty, and coqui.model is a path." in without
    (admin / "config.toml").write_text(
        '[ai]\ntts = "coqui"\n[coqui]\nmodel = "voices/vits.pth"\nconfig = "voices/config.json"\n'
    )
    (admin / "voices").mkdir()
    (admin / "voices" / "config.json").write_text("{}")
    gone = run("check").stderr
    assert f'coqui.model: is "{admin}/voices/vits.pth", which is not there.' in gone
    assert "coqui.config" not in gone
    (admin / "voices" / "vits.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "TTS", None)  # as where the extra is not installed
    assert "config.toml: coqui.model: is a voice of Coqui's, which" in run("check").stderr
    assert "Run: make coqui" in run("check").stderr
    monkeypatch.delitem(sys.modules, "TTS")
    (admin / "TTS").mkdir()
    (admin / "TTS" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(admin)
    assert run("check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["1000"], "Willow Lane Clinic (helpful-assistant) answers: 1000 matches route 1000."),
        (["77"], "Willow Lane Clinic (helpful-assistant) answers: "
                 "no route for 77: the default answers."),
        (["1002", "--from", "+49"], "Telephony Expert (domain-expert) answers: "
                                    "1002 matches route 1002."),
    ],
)  # fmt: skip
def test_route_explains(admin, arguments, expected):
    result = run("route", *arguments)
    assert (result.exit_code, result.stdout.strip()) == (0, expected)


def test_route_as_json(admin):
    plan = admin / "dialplans" / "default.toml"
    plan.write_text(
        '[[routes]]\nnumber = "1*"\npersona = "domain-expert"\ncallers = ["+49"]\nring_s = 2.5\n'
    )
    result = run("route", "12", "--from", "+4930", "--json")
    assert json.loads(result.stdout) == {
        "number": "12",
        "caller": "+4930",
        "persona": "domain-expert",
        "ring_s": 2.5,
        "ends": "",
        "why": "12 matches route 1* for this caller",
    }
    nobody = run("route", "12", "--from", "+1", "--json")
    assert nobody.exit_code == 1
    assert json.loads(nobody.stdout)["persona"] is None
    assert "the caller hears 404" in run("route", "12").stdout


def test_route_reads_headers_as_the_bot_would(admin):
    (admin / "dialplans" / "default.toml").write_text(
        '[[routes]]\nnumber = "+493012345678"\npersona = "domain-expert"\n'
        '[[routes]]\nnumber = "2"\nreject = 486\nreason = "Away"\n'
        '[[routes]]\nnumber = "3"\nredirect = "sip:4@pbx.example"\n'
    )
    config = admin / "config.toml"
    keys = '[sip]\nregion = "DE"\ncalled_from = ["diversion", "request-uri"]'
    config.write_text(config.read_text().replace("[sip]", keys, 1))
    told = run("route", "bot", "--header", "Diversion: <sip:03012345678@x>")
    assert told.exit_code == 0
    assert "(dialled 03012345678 in diversion)" in told.stdout
    assert "the caller hears 486 Away" in run("route", "2").stdout
    assert json.loads(run("route", "3", "--json").stdout)["ends"] == "is sent to sip:4@pbx.example"


@pytest.mark.parametrize("file", ["persona", "dialplan", "config"])
def test_schema_describes_the_keys(file):
    result = run("schema", file)
    told = json.loads(result.stdout)
    assert told["type"] == "object"
    expected = {"persona": "greeting", "dialplan": "routes", "config": "sip"}[file]
    assert expected in told["properties"]
    assert told["additionalProperties"] is False


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    examples = [line.strip() for line in result.stdout.splitlines()[1:]]
    assert [line for line in examples if line.startswith(f"python -m bot {command}")]


def test_a_fault_is_one_line_and_exit_code_2(admin):
    (admin / "config.toml").write_text("[sip]\nbind = 5\n")
    for command in (["serve"], ["route", "1"], ["speech"]):
        result = bot(*command, cwd=admin)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("bot: config.toml: sip.bind: is 5.")


def test_usage_faults_exit_with_2_and_success_with_0(admin):
    assert bot("nonsense", cwd=admin).returncode == 2
    assert bot("route", cwd=admin).returncode == 2
    assert bot("check", cwd=admin).returncode == 0
    assert bot("route", "1", cwd=admin, BOT__SIP__BNID="x").returncode == 2


def test_help_needs_none_of_the_libraries():
    """Quick help: only click is imported."""
    code = (
        "import sys; from bot.cli import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'numpy', 'aiohttp', 'httpx', 'structlog', 'rich', 'pjsua2'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert all(name in result.stdout for name in COMMANDS)


def test_log_lines_do_not_stand_between_answers(admin):
    """What the rooms below log goes to standard error, and only from warning on."""
    code = (
        "import sys, structlog; from bot import cli\n"
        "sys.argv = ['bot', 'route', '1000', '--json']\n"
        "from bot import library\n"
        "decide = library.decide\n"
        "def loud(*given):\n"
        "    structlog.get_logger('bot.x').info('chatter')\n"
        "    structlog.get_logger('bot.x').warning('mind')\n"
        "    return decide(*given)\n"
        "library.decide = loud\n"
        "cli.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=admin,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(result.stdout)["persona"] == "helpful-assistant"
    assert "mind" in result.stderr
    assert "chatter" not in result.stderr
