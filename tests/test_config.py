"""config.toml: defaults, the environment over it, and every fault told in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.addresses import split_address
from bot.config import Config, check_config, load_config
from bot.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def write(tmp_path):
    def written(text: str = "") -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        return path

    return written


def told(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    faults = check_config(path, environ or {})[1]
    return [str(fault).removeprefix(f"{path}: ") for fault in faults]


def test_an_empty_file_means_the_defaults_with_paths_beside_it(write, tmp_path):
    config = load_config(write(), {})
    assert (config.sip.bind, config.sip.max_calls, config.ai.mode) == ("0.0.0.0:5060", 4, "local")
    assert config.store.path == tmp_path / "var/bot.db"
    assert config.recordings.dir == tmp_path / "var/recordings"
    assert config.personas.dir == tmp_path / "personas"
    assert config.speech.socket == tmp_path / "var/speech.sock"


def test_the_shipped_file_says_what_the_defaults_are():
    shipped = load_config(ROOT / "config.toml", {})
    relative = load_config(ROOT / "config.toml", {}).model_dump()
    assert shipped == Config.model_validate(relative)
    plain = Config().model_dump(exclude={"store", "recordings", "personas", "dialplans", "speech"})
    assert shipped.model_dump(include=set(plain)) == plain


def test_every_key_of_the_shipped_file_exists_and_every_key_is_in_it(write):
    """The commented-out lines are real keys with their defaults."""
    lines = (ROOT / "config.toml").read_text("utf-8").splitlines()
    uncommented = [
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in lines
    ]
    path = write("\n".join(uncommented))
    config, faults = check_config(path, {})
    assert not faults
    assert config is not None
    assert config == load_config(write(), {})
    named = {line.split(" = ")[0] for line in uncommented if " = " in line}
    known = {key for field in Config.model_fields.values() for key in field.annotation.model_fields}
    assert named == known


@pytest.mark.parametrize(
    ("name", "value", "section", "key", "expected"),
    [
        ("BOT__SIP__BIND", "127.0.0.1:5070", "sip", "bind", "127.0.0.1:5070"),
        ("BOT__SIP__MAX_CALLS", "2", "sip", "max_calls", 2),
        ("BOT__SIP__CODECS", '["G722"]', "sip", "codecs", ["G722"]),
        ("BOT__RECORDINGS__ENABLED", "false", "recordings", "enabled", False),
        ("BOT__RECORDINGS__RATE_HZ", "8000", "recordings", "rate_hz", 8000),
        ("BOT__LIMITS__DEAD_AIR_S", "3.5", "limits", "dead_air_s", 3.5),
        ("BOT__STORE__PATH", "/data/x.db", "store", "path", Path("/data/x.db")),
        ("BOT__SPEECH__WHISPER", '"base"', "speech", "whisper", "base"),
    ],
)
def test_the_environment_overrides_the_file(write, name, value, section, key, expected):
    path = write('[sip]\nbind = "1.2.3.4:5"\nmax_calls = 3\n')
    config = load_config(path, {name: value, "HOME": "/x"})
    assert getattr(getattr(config, section), key) == expected


def test_all_faults_are_told_at_once_with_file_key_and_remedy(write):
    path = write(
        '[sip]\nbnid = "x:1"\nmax_calls = 9\ncodecs = []\n[web]\nbind = "localhost"\n'
        '[ai]\nmode = "cloud"\ntimeout_s = "soon"\n[storage]\n'
    )
    assert told(path) == [
        "sip.max_calls: is 9. It must be at most 4.",
        "sip.codecs: is empty. Give it at least one entry.",
        'sip.bnid: is no key known here. Did you mean "bind"?',
        "web.bind: is 'localhost'. It must be \"address:port\" with a port up to 65535, "
        'e.g. "0.0.0.0:5060".',
        "ai.mode: is 'cloud'. Use one of 'local', 'live' or 'mock'.",
        "ai.timeout_s: is 'soon'. It must be a number.",
        'storage: is no key known here. Did you mean "store"?',
    ]


def test_sections_beside_a_broken_one_are_still_looked_at(write, tmp_path):
    config, faults = check_config(write('[sip]\nmax_calls = 9\n[personas]\ndir = "people"\n'), {})
    assert len(faults) == 1
    assert config is not None
    assert config.personas.dir == tmp_path / "people"
    assert config.sip.max_calls == 4


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BOT__SIP__BNID", "x", 'is no key known here. Did you mean "bind"?'),
        ("BOT__STORES__PATH", "x", 'is no key known here. Did you mean "store"?'),
        ("BOT__SIP", "x", "is no BOT__SECTION__KEY. Mend its name or unset it."),
        ("BOT__SIP__BIND__PORT", "1", "is no key known here. There is: "),
        ("BOT__SIP__MAX_CALLS", "many", "is 'many'. It must be a whole number."),
        ("BOT__SIP__CODECS", "PCMU", "is 'PCMU'. It must be a list in [ ]."),
        ("BOT__SIP__CODECS", '["OPUS"]', "is 'OPUS'. Use one of 'PCMU', 'PCMA' or 'G722'."),
    ],
)
def test_a_fault_from_the_environment_names_the_variable(write, name, value, expected):
    faults = check_config(write(), {name: value})[1]
    assert len(faults) == 1
    assert str(faults[0]).startswith(f"environment: {name}: {expected}")


def test_a_section_that_is_no_table_does_not_hide_behind_the_environment(write):
    path = write("sip = 3\n")
    assert told(path, {"BOT__SIP__BIND": "1.2.3.4:5"}) == [
        "environment: BOT__SIP__BIND: sip is not a table. Mend its name or unset it.",
        "sip: is 3. It must be a table.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "is not there. Create it or name another."),
        (b"[sip\n", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text. Save it as UTF-8."),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, text, expected):
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(caught.value)


def test_ports_that_are_wanted_twice(write):
    assert told(write('[sip]\nbind = "0.0.0.0:8080"\n')) == [
        "web.bind: has port 8080, which sip.bind uses. Give one of them another port."
    ]
    assert told(write("[sip]\nrtp_port = 5058\n")) == [
        "sip.rtp_port: makes RTP use ports 5058 to 5457, and sip.bind is on 5060. "
        "Move it out of the way."
    ]
    assert told(write('[sip]\nbind = "127.0.0.1:0"\n[web]\nbind = "127.0.0.1:0"\n')) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("0.0.0.0:5060", ("0.0.0.0", 5060)),
        ("[::1]:5060", ("::1", 5060)),
        ("pbx.example:0", ("pbx.example", 0)),
    ],
)
def test_addresses(address, expected):
    assert split_address(address) == expected


@pytest.mark.parametrize("address", ["", "5060", ":5060", "host", "host:", "host:x", "host:65536",
                                     "::1:5060", "[]:5060", "host:-1", "host:٣"])  # fmt: skip
def test_no_addresses(address):
    with pytest.raises(ValueError, match="address:port"):
        split_address(address)


def test_a_coqui_model_is_a_name_or_a_path_with_its_config(write, tmp_path):
    assert load_config(write(""), {}).coqui.model == "tts_models/en/vctk/vits"
    path = write('[coqui]\nmodel = "voices/a.pth"\nconfig = "voices/a.json"\n')
    coqui = load_config(path, {}).coqui
    assert (coqui.model, coqui.config) == (f"{tmp_path}/voices/a.pth", f"{tmp_path}/voices/a.json")
    (fault,) = told(write('[coqui]\nmodel = "voices/a.pth"\n'))
    assert "coqui.config: is empty, and coqui.model is a path. Name the config.json" in fault


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Config().sip.max_calls = 1


@pytest.mark.parametrize(
    ("environ", "mode", "stt", "llm", "tts"),
    [
        ({}, "local", "", "", ""),
        ({"AI_MODE": "mock"}, "mock", "", "", ""),
        ({"AI_MODE": "live", "STT_PROVIDER": "sarvam"}, "live", "sarvam", "", ""),
        ({"STT_PROVIDER": "whisper", "TTS_PROVIDER": "coqui"},
         "local", "whisper_local", "", "coqui"),
        ({"LLM_PROVIDER": "groq", "STT_PROVIDER": " "}, "local", "", "groq", ""),
        ({"AI_MODE": "live", "BOT__AI__MODE": "mock"}, "mock", "", "", ""),
        ({"STT_PROVIDER": "groq", "BOT__AI__STT": '["sarvam", "local"]'},
         "local", ["sarvam", "local"], "", ""),
    ],
)  # fmt: skip
def test_the_short_names_of_the_environment(write, environ, mode, stt, llm, tts):
    ai = load_config(write(), environ).ai
    assert (ai.mode, ai.stt, ai.llm, ai.tts) == (mode, stt, llm, tts)


def test_a_wrong_short_name_is_told_by_its_name(write):
    _, (fault,) = check_config(write('[ai]\nmode = "local"\n'), {"AI_MODE": "dead"})
    assert str(fault).startswith("environment: AI_MODE: is 'dead'.")
