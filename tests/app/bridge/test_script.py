"""The script as it is served."""

import gzip
import re

import orjson

from app.bridge.script import ROOM, Script, build_script
from translation.errors import ERRORS
from translation.messages import MESSAGES, Messages

PUBLIC = "https://proxy.example.com"


def script(loader: str = "formui-*.mkt.dynamics.com", messages: Messages | None = None, public: str = PUBLIC) -> Script:
    return build_script(public, (loader,), ("*.mkt.dynamics.com",), messages or Messages())


def settings_in(found: Script) -> dict[str, object]:
    written = re.search(r"const \{ loaders, hosts, sentences \} = (\{.*\});\n", found.content.decode())
    assert written is not None
    value: dict[str, object] = orjson.loads(written[1])
    return value


def test_the_settings_are_in_it() -> None:
    found = settings_in(script())
    assert found["loaders"] == [r"formui-[a-z0-9-]+\.mkt\.dynamics\.com"]
    assert found["hosts"] == [r"[a-z0-9-]+\.mkt\.dynamics\.com"]
    assert found["sentences"] == {
        name: {tag: MESSAGES[tag][code] for tag in MESSAGES}
        for name, code in (
            ("unreachable", "UpstreamUnreachable"),
            ("rejected", "UpstreamRejected"),
            ("unknown", "RegistrationOutcomeUnknown"),
        )
    }
    assert "RegistrationOutcomeUnknown" in ERRORS


def test_an_operators_sentences_are_in_it_and_markup_stays_text() -> None:
    mine = Messages({"it": {"UpstreamRejected": "Non </script> accettato[ ({detail})]."}})
    found = settings_in(script(messages=mine))["sentences"]
    assert found["rejected"]["it"] == "Non </script> accettato."  # type: ignore[index]


def test_its_name_is_its_content() -> None:
    one, same, other = script(), script(), script(loader="cdn.example.com")
    assert one.name == same.name != other.name
    assert one.bridge.script == f"{PUBLIC}/{ROOM}/{one.name}"
    assert re.fullmatch(r"[0-9a-f]{16}\.js", one.name)
    assert script(public="").bridge.script == f"/{ROOM}/{one.name}"


def test_it_is_small() -> None:
    assert gzip.decompress(script().packed) == script().content
    assert len(script().packed) < 6_000
    assert b"http" not in re.sub(rb"/\^https\?[^ ]*", b"", script().content)
