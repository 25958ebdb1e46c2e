"""Tests of where settings come from, with real files and a real environment, and of how mistakes are told."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.configuration_error import ConfigurationError
from app.settings import Settings
from app.settings_sources import known_names, load_settings, origins_of_values, secrets_directory

ENDPOINT = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/7f3c/eventmanagement/"
TOKEN = "s3cr3t-Zt+9/q=="
GUID = "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c0001"
LEVEL, COUNT = "EVTMGMT_LOG_LEVEL", "EVTMGMT_LIMITS__HEADER_COUNT"
GOOD = {
    "EVTMGMT_REALTIME__ENDPOINT": ENDPOINT,
    "EVTMGMT_REALTIME__TOKEN": TOKEN,
    "EVTMGMT_REALTIME__ORIGIN": "https://portal.example.com",
}


class Place:
    """A working directory with its environment."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        self._patch = patch
        self.secrets.mkdir()
        for name in list(os.environ):
            if name.upper().startswith("EVTMGMT_"):
                patch.delenv(name)
        patch.setenv("EVTMGMT_SECRETS_DIR", str(self.secrets))
        patch.chdir(folder)

    def environment(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._patch.setenv(name, value)

    def without(self, *names: str) -> None:
        for name in names:
            self._patch.delenv(name)

    def dotenv(self, text: str) -> None:
        (self.folder / ".env").write_text(text, encoding="utf-8")

    def secret(self, name: str, content: str | bytes) -> None:
        (self.secrets / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def toml(self, text: str) -> Path:
        path = self.folder / "settings.toml"
        path.write_text(text, encoding="utf-8")
        self._patch.setenv("EVTMGMT_CONFIG_FILE", str(path))
        return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place without any setting."""
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def place(empty: Place) -> Place:
    """A place with what is required in the environment."""
    empty.environment(GOOD)
    return empty


def mistakes() -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value) + str(refused.value.problems)
    assert "s3cr3t" not in told
    assert all(problem in str(refused.value) for problem in refused.value.problems)
    return refused.value.problems


def test_an_empty_place_is_told_each_setting_that_it_needs(empty: Place) -> None:
    assert mistakes() == [f"{name}: is missing" for name in GOOD]


def test_what_is_required_is_enough(place: Place) -> None:
    settings = load_settings()
    assert settings.realtime.endpoint == ENDPOINT
    assert settings.realtime.token.get_secret_value() == TOKEN
    assert settings.origins == {"https://portal.example.com"}
    assert settings.limits.header_count == 100


def test_all_mistakes_are_told_together_by_name_and_without_values(empty: Place) -> None:
    empty.environment(
        {
            "EVTMGMT_REALTIME__ENDPOINT": "https://user:s3cr3t@public-eur.mkt.dynamics.com/",
            "EVTMGMT_REALTIME__TOKN": TOKEN,
            "EVTMGMT_REALTIME__WEBAPP_ID": "s3cr3t",
            "EVTMGMT_UPSTREAM__PROXY": "s3cr3t",
            "EVTMGMT_UPSTREAM__READ_TIMEOUT": "s3cr3t",
            "EVTMGMT_ALIASES__EVENTS": "{s3cr3t",
            "EVTMGMT_PORTAL__ORIGINS": "https://a.example.com,s3cr3t,http://s3cr3t.example.com",
        }
    )
    empty.dotenv(f"{COUNT}=s3cr3t\nEVTMGMT_LIMIT__X=s3cr3t\n")
    empty.secret("EVTMGMT_REALTIME__BUSINESS_UNIT_ID", "s3cr3t")
    empty.toml('log_level = "s3cr3t"\n[answers]\nregistration_form = "s3cr3t"\nform = "s3cr3t"\n[messages.de]\nA = "x"\nB = "y"')
    assert sorted(mistakes()) == sorted(
        [
            "EVTMGMT_REALTIME__ENDPOINT: the endpoint must have no user name, query or fragment; "
            "the token is a setting of its own",
            "EVTMGMT_REALTIME__TOKEN: is missing",
            "EVTMGMT_REALTIME__TOKN: there is no such setting; is EVTMGMT_REALTIME__TOKEN meant?",
            "EVTMGMT_REALTIME__ORIGIN: is missing",
            "EVTMGMT_REALTIME__WEBAPP_ID: must be a GUID such as 00000000-0000-0000-0000-000000000000",
            "EVTMGMT_REALTIME__BUSINESS_UNIT_ID: must be a GUID such as 00000000-0000-0000-0000-000000000000",
            "EVTMGMT_UPSTREAM__PROXY: must be an address such as http://proxy.example.com:3128",
            "EVTMGMT_UPSTREAM__READ_TIMEOUT: must be a number such as 2.5, without a unit",
            'EVTMGMT_ALIASES__EVENTS: must be a table, in the environment as JSON such as {"old": "new"}',
            "EVTMGMT_PORTAL__ORIGINS: origin 2 must start with https://",
            "EVTMGMT_PORTAL__ORIGINS: origin 3 must use https (http is for this machine only)",
            "EVTMGMT_LIMITS__HEADER_COUNT: must be a whole number, without a unit",
            "EVTMGMT_LIMIT__X: there is no such setting",
            "EVTMGMT_LOG_LEVEL: must be 'debug', 'info', 'warning' or 'error'",
            "EVTMGMT_ANSWERS__REGISTRATION_FORM: must be 'null', 'keep' or 'bridge'",
            "EVTMGMT_ANSWERS__FORM: there is no such setting",
            "EVTMGMT_MESSAGES: messages.de.A: there is no such error code",
            "EVTMGMT_MESSAGES: messages.de.B: there is no such error code",
        ]
    )


def test_precedence_is_environment_dotenv_secret_files_settings_file(place: Place) -> None:
    place.toml(f'log_level = "error"\n[limits]\nheader_count = 14\n[realtime]\nwebapp_id = "{GUID}"\n')
    assert (load_settings().log_level, load_settings().limits.header_count) == ("error", 14)
    place.secret(LEVEL, "warning")
    place.secret(COUNT, "13")
    assert (load_settings().log_level, load_settings().limits.header_count) == ("warning", 13)
    assert origins_of_values(Settings)[LEVEL] == "secret file"
    place.dotenv(f"{LEVEL}=debug\n{COUNT}=12\n")
    assert (load_settings().log_level, load_settings().limits.header_count) == ("debug", 12)
    assert origins_of_values(Settings)[COUNT] == ".env"
    place.environment({LEVEL: "info", COUNT: "11"})
    assert (load_settings().log_level, load_settings().limits.header_count) == ("info", 11)
    origins = origins_of_values(Settings)
    assert (origins[LEVEL], origins[COUNT]) == ("environment", "environment")
    assert (origins["EVTMGMT_REALTIME__WEBAPP_ID"], origins["EVTMGMT_UPSTREAM__PROXY"]) == ("settings file", "default")
    assert list(origins) == [name for name, _ in known_names(Settings)]


def test_one_group_may_be_put_together_from_all_sources(empty: Place) -> None:
    empty.environment({"EVTMGMT_REALTIME__ENDPOINT": ENDPOINT})
    empty.dotenv("EVTMGMT_REALTIME__ORIGIN=https://portal.example.com\n")
    empty.secret("EVTMGMT_REALTIME__TOKEN", TOKEN)
    empty.toml(f'[realtime]\nwebapp_id = "{GUID}"\n')
    realtime = load_settings().realtime
    assert (realtime.endpoint, realtime.token.get_secret_value()) == (ENDPOINT, TOKEN)
    assert (realtime.origin, realtime.webapp_id) == ("https://portal.example.com", GUID)


def test_one_value_of_a_group_leaves_the_defaults_of_the_others(place: Place) -> None:
    place.environment({"EVTMGMT_UPSTREAM__READ_TIMEOUT": "7"})
    upstream = load_settings().upstream
    assert (upstream.read_timeout, upstream.connect_timeout, upstream.proxy) == (7, 5, None)


def test_an_empty_variable_is_no_value(place: Place) -> None:
    place.toml('log_level = "error"\n')
    place.secret("EVTMGMT_REALTIME__TOKEN", TOKEN)
    place.environment({LEVEL: "", "EVTMGMT_REALTIME__TOKEN": "", "EVTMGMT_UPSTREAM__PROXY": "", "EVTMGMT_PORTAL__ORIGINS": ""})
    place.dotenv("EVTMGMT_REALTIME__WEBAPP_ID=\n")
    settings = load_settings()
    assert settings.log_level == "error"
    assert settings.realtime.token.get_secret_value() == TOKEN
    assert settings.realtime.webapp_id is None
    origins = origins_of_values(Settings)
    assert (origins[LEVEL], origins["EVTMGMT_REALTIME__TOKEN"]) == ("settings file", "secret file")


def test_names_are_taken_in_any_letter_case(place: Place) -> None:
    place.environment({"evtmgmt_Log_Level": "debug"})
    place.secret("evtmgmt_limits__header_count", "12\n")
    settings = load_settings()
    assert (settings.log_level, settings.limits.header_count) == ("debug", 12)


@pytest.mark.parametrize(
    "token", [" a b ", '"quoted"', "'q'", "100%", "%41%2B", "a+b/c==", "\ta\t", "#x", "Ω", "{}", "null", "${HOME}"]
)
def test_a_token_is_taken_as_it_is(place: Place, token: str) -> None:
    place.environment({"EVTMGMT_REALTIME__TOKEN": token})
    assert load_settings().realtime.token.get_secret_value() == token
    place.without("EVTMGMT_REALTIME__TOKEN")
    for end in ("", "\n", "\r\n"):
        place.secret("EVTMGMT_REALTIME__TOKEN", token + end)
        assert load_settings().realtime.token.get_secret_value() == token


@pytest.mark.parametrize(
    ("line", "token"), [("a+b/c==%41", "a+b/c==%41"), ("'a #b '", "a #b "), ('" a\'b "', " a'b "), ("a b", "a b")]
)
def test_dotenv_has_quotes_of_its_own(place: Place, line: str, token: str) -> None:
    place.without("EVTMGMT_REALTIME__TOKEN")
    place.dotenv(f"EVTMGMT_REALTIME__TOKEN={line}\n")
    assert load_settings().realtime.token.get_secret_value() == token


@pytest.mark.parametrize("content", ["", "\n", "\r\n"])
def test_an_empty_secret_file_is_a_mistake(place: Place, content: str) -> None:
    place.without("EVTMGMT_REALTIME__TOKEN")
    place.secret("EVTMGMT_REALTIME__TOKEN", content)
    assert mistakes() == ["EVTMGMT_REALTIME__TOKEN: the token is empty"]


def test_files_of_others_beside_the_secrets_are_not_read(place: Place) -> None:
    place.secret("somebody.else", b"\xff\xfe")
    place.secret("README", "x")
    (place.secrets / "kubernetes.io").mkdir()
    (place.secrets / "EVTMGMT_FOLDER").mkdir()
    assert load_settings().log_level == "info"


def test_secrets_may_be_links_as_orchestrators_make_them(place: Place) -> None:
    place.without("EVTMGMT_REALTIME__TOKEN")
    (place.secrets / "..2031_01").mkdir()
    (place.secrets / "..2031_01" / "EVTMGMT_REALTIME__TOKEN").write_text(TOKEN)
    (place.secrets / "..data").symlink_to("..2031_01")
    (place.secrets / "EVTMGMT_REALTIME__TOKEN").symlink_to("..data/EVTMGMT_REALTIME__TOKEN")
    (place.secrets / LEVEL).symlink_to(place.folder / "level")
    (place.folder / "level").write_text("debug\n")
    settings = load_settings()
    assert settings.realtime.token.get_secret_value() == TOKEN
    assert settings.log_level == "debug"


def test_the_folder_of_secrets(place: Place) -> None:
    place.environment({"EVTMGMT_SECRETS_DIR": str(place.folder / "nowhere")})
    assert mistakes() == [f"EVTMGMT_SECRETS_DIR: there is no folder {place.folder / 'nowhere'}"]
    place.environment({"EVTMGMT_SECRETS_DIR": ""})
    assert secrets_directory() == Path("/run/secrets")


@pytest.mark.parametrize(
    "value", ['["https://a.example.com", "https://b.example.com"]', "https://a.example.com, https://b.example.com"]
)
def test_lists_are_json_or_have_commas_in_every_source(place: Place, value: str) -> None:
    expected = ("https://a.example.com", "https://b.example.com")
    place.toml("[portal]\norigins = ['https://a.example.com', 'https://b.example.com']\n")
    assert load_settings().portal.origins == expected
    place.toml("")
    place.secret("EVTMGMT_PORTAL__ORIGINS", value + "\n")
    assert load_settings().portal.origins == expected
    (place.secrets / "EVTMGMT_PORTAL__ORIGINS").unlink()
    place.dotenv(f"EVTMGMT_PORTAL__ORIGINS='{value}'\n")
    assert load_settings().portal.origins == expected
    place.dotenv("")
    place.environment({"EVTMGMT_PORTAL__ORIGINS": value})
    assert load_settings().portal.origins == expected


def test_tables_from_the_settings_file(place: Place) -> None:
    place.toml(
        f"""
        [aliases.events]
        "Contoso Conference 2019" = "Contoso_2026"
        "東京" = "東京_2026"

        [aliases.sessions]
        {GUID} = "{GUID.upper()}"

        [messages.de-AT]
        NotFound = "Das gibt es nicht."

        [answers]
        allow_anonymous_registrations = true
        """
    )
    settings = load_settings()
    assert settings.aliases.events == {"Contoso Conference 2019": "Contoso_2026", "東京": "東京_2026"}
    assert settings.aliases.sessions == {GUID: GUID.upper()}
    assert settings.messages == {"de-AT": {"NotFound": "Das gibt es nicht."}}
    assert settings.answers.allow_anonymous_registrations == "true"


def test_tables_from_the_environment(place: Place) -> None:
    place.environment(
        {
            "EVTMGMT_ALIASES__EVENTS": '{"Old Event": "New_Event"}',
            "EVTMGMT_ALIASES__EVENTS__2019": "2026",
            "EVTMGMT_MESSAGES": '{"de-AT": {"NotFound": "Nicht da."}}',
            "EVTMGMT_MESSAGES__FR__NOTFOUND": "Rien ici.",
            "EVTMGMT_ANSWERS": '{"registration_form": "keep"}',
        }
    )
    settings = load_settings()
    assert settings.aliases.events == {"Old Event": "New_Event", "2019": "2026"}
    assert settings.messages == {"de-AT": {"NotFound": "Nicht da."}, "fr": {"notfound": "Rien ici."}}
    assert settings.answers.registration_form == "keep"


def test_tables_are_put_together_from_all_sources(place: Place) -> None:
    place.toml('[aliases.events]\nA = "file"\nB = "file"\n')
    place.environment({"EVTMGMT_ALIASES__EVENTS": '{"B": "environment"}'})
    assert load_settings().aliases.events == {"A": "file", "B": "environment"}
    assert origins_of_values(Settings)["EVTMGMT_ALIASES__EVENTS"] == "environment, settings file"


@pytest.mark.parametrize(
    "name", ["EVTMGMT_ALIASES", "EVTMGMT_ALIASES__EVENTS", "EVTMGMT_MESSAGES", "EVTMGMT_REALTIME", "EVTMGMT_LIMITS"]
)
@pytest.mark.parametrize("value", ["{", "[1]", "7", '"x"', "true", "A=B"])
def test_a_table_that_is_none_is_a_mistake_in_words(place: Place, name: str, value: str) -> None:
    place.environment({name: value})
    assert f'{name}: must be a table, in the environment as JSON such as {{"old": "new"}}' in mistakes()


@pytest.mark.parametrize(
    "name",
    [
        "EVTMGMT_REALTIME_TOKEN",
        "EVTMGMT_REALTIME__TOKN",
        "EVTMGMT_REALTIME__TOKEN__X",
        "EVTMGMT_LOG_LEVEL__X",
        "EVTMGMT_LOGLEVEL",
        "EVTMGMT_PORT",
        "EVTMGMT_ALIAS__EVENTS",
        "EVTMGMT_ALIASES__EVENT__X",
        "EVTMGMT_",
    ],
)
@pytest.mark.parametrize("source", ["environment", "dotenv", "secret"])
def test_a_name_that_is_none_is_a_mistake_wherever_it_stands(place: Place, name: str, source: str) -> None:
    if source == "environment":
        place.environment({name: "s3cr3t"})
    elif source == "dotenv":
        place.dotenv(f"{name}=s3cr3t\n")
    else:
        place.secret(name, "s3cr3t")
    assert [line for line in mistakes() if line.startswith(f"{name}: there is no such setting")]
    assert len(mistakes()) == len(set(mistakes()))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[realtime]\ntokn = 's3cr3t'", "EVTMGMT_REALTIME__TOKN"),
        ("[realtim]\ntoken = 's3cr3t'", "EVTMGMT_REALTIM"),
        ("loglevel = 's3cr3t'", "EVTMGMT_LOGLEVEL"),
        ("[aliases.event]\na = 'b'", "EVTMGMT_ALIASES__EVENT"),
    ],
)
def test_a_name_that_is_none_in_the_settings_file(place: Place, text: str, name: str) -> None:
    place.toml(text)
    (line,) = mistakes()
    assert line.startswith(f"{name}: there is no such setting")


def test_files_of_editors_that_put_a_mark_before_the_first_letter_are_read(empty: Place) -> None:
    empty.dotenv("\ufeffEVTMGMT_REALTIME__ORIGIN=https://portal.example.com\r\n")
    empty.secret("EVTMGMT_REALTIME__TOKEN", "\ufeffopaque\r\n")
    endpoint = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/1/eventmanagement/"
    empty.toml(f'\ufeff[realtime]\r\nendpoint = "{endpoint}"\r\n')
    realtime = load_settings().realtime
    given = (realtime.endpoint, realtime.token.get_secret_value(), realtime.origin)
    assert given == (endpoint, "opaque", "https://portal.example.com")


def test_names_of_others_are_none_of_our_business(place: Place) -> None:
    place.environment(
        {
            "EVTMGMTX": "1",
            "REALTIME__TOKEN": "1",
            "EVTMGMT_PROXY_PORT": "tcp://10.0.0.1:80",
            "EVTMGMT_PROXY_PORT_80_TCP": "tcp://10.0.0.1:80",
            "EVTMGMT_PROXY_PORT_80_TCP_ADDR": "10.0.0.1",
            "EVTMGMT_PROXY_SERVICE_HOST": "10.0.0.1",
            "EVTMGMT_PROXY_SERVICE_PORT": "80",
            "EVTMGMT_PROXY_SERVICE_PORT_HTTP": "80",
            "EVTMGMT_SERVICE_HOST": "10.0.0.1",
            "EVTMGMT_PORT": "tcp://10.0.0.1:80",
        }
    )
    place.dotenv("COMPOSE_PROJECT_NAME=x\nrealtime__token=1\n")
    assert load_settings().log_level == "info"


@pytest.mark.parametrize("name", ["EVTMGMT_SERVE_HOST", "EVTMGMT_SERVE_PORT", "EVTMGMT_SERVE_WORKERS", "EVTMGMT_HEALTH_URL"])
def test_options_of_the_command_line_are_no_settings_and_no_mistakes(place: Place, name: str) -> None:
    place.environment({name: "1"})
    assert load_settings().log_level == "info"


@pytest.mark.parametrize("name", ["EVTMGMT_SERVE_PORT", "EVTMGMT_CONFIG_FILE"])
def test_what_is_read_from_the_environment_only_does_nothing_elsewhere_and_that_is_told(place: Place, name: str) -> None:
    place.dotenv(f"{name}=x\n")
    assert mistakes() == [f"{name}: is read from the environment only"]
    place.dotenv("")
    place.secret(name, "x")
    assert mistakes() == [f"{name}: is read from the environment only"]


def test_a_settings_file_that_is_not_there(place: Place) -> None:
    path = place.toml("")
    path.unlink()
    assert mistakes() == [f"EVTMGMT_CONFIG_FILE: {path} cannot be read: No such file or directory"]
    path.mkdir()
    assert mistakes() == [f"EVTMGMT_CONFIG_FILE: {path} cannot be read: Is a directory"]


@pytest.mark.parametrize(
    "text",
    ["token = s3cr3t", "[realtime]\ntoken = 's3cr3t", "token: s3cr3t", "s3cr3t", "token = '''s3cr3t", 'token = "s3cr3t\\q"'],
)
def test_a_broken_settings_file_is_told_with_its_place_and_without_its_content(place: Place, text: str) -> None:
    path = place.toml(text)
    (told,) = mistakes()
    assert told.startswith(f"EVTMGMT_CONFIG_FILE: {path} is not TOML: ")
    assert "line" in told or "end of document" in told


def test_files_that_are_no_text(place: Place) -> None:
    place.secret("EVTMGMT_REALTIME__TOKEN", b"s3cr3t\xff")
    place.toml("").write_bytes(b"# s3cr3t \xe4")
    (place.folder / ".env").write_bytes(b"EVTMGMT_REALTIME__TOKEN=s3cr3t\xe4\n")
    assert sorted(mistakes()) == sorted(
        [
            f"{place.secrets / 'EVTMGMT_REALTIME__TOKEN'} is not UTF-8 text",
            f"EVTMGMT_CONFIG_FILE: {place.folder / 'settings.toml'} is not UTF-8 text",
            ".env is not UTF-8 text",
        ]
    )


def test_large_files_of_others_beside_the_secrets_do_not_matter(place: Place) -> None:
    place.secret("somebody.log", b"x" * (17 * 2**20))
    assert load_settings().log_level == "info"
