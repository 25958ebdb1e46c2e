"""The settings file has every setting, loads as it is, and says the defaults there are."""

import re
import tomllib
from typing import Any

from pydantic import SecretStr

from app.initialising.answers import Answers
from app.initialising.settings_file import settings_file
from app.settings import GivenSettings, Settings
from app.settings_sources import PREFIX, known_names

ENDPOINT = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/eventmanagement/"
ANSWERS = Answers(ENDPOINT, "the-t0ken", "https://events.example.com")
TEXT = settings_file(ANSWERS)
HEADER = re.compile(r"^(# )?\[([\w.]+)\]$")


def loaded(text: str) -> GivenSettings:
    groups = tomllib.loads(text)
    groups["realtime"]["token"] = ANSWERS.token
    return GivenSettings.model_validate(groups)


def test_the_file_as_it_is_sets_the_answers_and_nothing_else() -> None:
    realtime = {"endpoint": ENDPOINT, "origin": ANSWERS.origin, "token": ANSWERS.token}
    assert loaded(TEXT) == GivenSettings.model_validate({"realtime": realtime})
    assert ANSWERS.token not in TEXT
    assert tomllib.loads(TEXT)["realtime"] == {"endpoint": ENDPOINT, "origin": ANSWERS.origin}


def test_the_values_that_are_commented_out_are_the_defaults() -> None:
    lines, active = [], True
    for line in TEXT.splitlines():
        header = HEADER.match(line)
        active = header[1] is None if header else active
        lines.append(re.sub(r"^# (\w+ = .+)$", r"\1", line) if active else line)
    text = "\n".join(lines)
    assert text.count("\n# ") < TEXT.count("\n# ") - 50
    assert loaded(text) == loaded(TEXT)


def test_every_setting_stands_there_once_with_its_description() -> None:
    section, found = "", []
    for line in TEXT.splitlines():
        if header := HEADER.match(line):
            section = f"{header[2].upper().replace('.', '__')}__"
        elif name := re.match(r"^(?:# )?(\w+)(?: =|:  ?a secret)", line):
            found.append(f"{PREFIX}{section}{name[1].upper()}")
    assert sorted(found) == sorted(name for name, _ in known_names(Settings))
    flat = " ".join(TEXT.replace("\n#", "").split())
    assert [name for name, field in known_names(Settings) if field.description and field.description not in flat] == []


def test_secrets_have_no_place_for_a_value() -> None:
    secrets = [name for name, field in known_names(Settings) if SecretStr in (field.annotation, *_arguments(field.annotation))]
    assert secrets
    for name in secrets:
        assert f"a secret, in a file named {name}\n" in TEXT


def _arguments(annotation: Any) -> tuple[Any, ...]:
    return tuple(getattr(annotation, "__args__", ()))
