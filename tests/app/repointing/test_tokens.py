"""Old tokens in every writing; names and code are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repointing.places import replaced
from app.repointing.tokens import tokens

TOKEN = "Zm9v-B4r_baz.9~x=="


def blanked(text: str, file: str = "main.js") -> str:
    return replaced(text, tokens(file, text))


@pytest.mark.parametrize(
    "text",
    [
        '{{apiEndpoint:"/x",emApplicationtoken:"{}",y:1}}',
        '{{"emApplicationtoken": "{}"}}',
        "emApplicationToken = '{}';",
        "emApplicationtoken:`{}`",
        'e.emApplicationtoken="{}"',
        'e["applicationToken"]="{}"',
        'x.application_token||"{}"',
        'x.applicationToken??"{}"',
        r'JSON.parse("{{\"emApplicationtoken\":\"{}\"}}")',
        r"\\\"emApplicationtoken\\\": \\\"{}\\\"",
        r"\u0022emApplicationtoken\u0022:\u0022{}\u0022",
        r"\x22emApplicationtoken\x22\x3a\x22{}\x22",
        "%22emApplicationtoken%22%3A%22{}%22",
        "&quot;emApplicationtoken&quot;:&quot;{}&quot;",
        "&#34;emApplicationtoken&#34;:&#34;{}&#34;",
        '<meta name="emApplicationtoken" content="{}">',
        '<input type="hidden" name="emApplicationtoken" value="{}">',
        '<div data-application-token="{}">',
        'u="https://a/events?emApplicationtoken={}&x=1"',
        'u="https://a/events?x=1&amp;emApplicationtoken={}"',
        r"events\u003femApplicationtoken={}\u0026x=1",
        "events%3FemApplicationtoken%3D{}%26x%3D1",
        'u+"&EMAPPLICATIONTOKEN={}#top"',
        'q="emApplicationtoken={}"',
        'url.searchParams.set("emApplicationtoken","{}")',
        "new HttpParams().append('emApplicationtoken', '{}')",
    ],
)
def test_a_token_is_blanked_and_nothing_else(text: str) -> None:
    assert blanked(text.format(TOKEN)) == text.format("")
    assert tokens("main.js", text.format("")) == []


def test_escapes_within_a_token_belong_to_it() -> None:
    assert blanked(r'emApplicationtoken:"a\/b+c\u003d"') == 'emApplicationtoken:""'
    assert blanked("?emApplicationtoken=a%2Bb%3D&x=1") == "?emApplicationtoken=&x=1"


@pytest.mark.parametrize("file", [".env", ".env.production", "prod.env", "app.properties", "values.yaml"])
def test_lines_without_quotes(file: str) -> None:
    text = f"A=1\r\nexport REACT_APP_EM_APPLICATION_TOKEN={TOKEN}\r\n  emApplicationtoken: {TOKEN} # old\nB=2"
    assert blanked(text, file) == "A=1\r\nexport REACT_APP_EM_APPLICATION_TOKEN=\r\n  emApplicationtoken:  # old\nB=2"
    assert tokens("main.js", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "e.emApplicationtoken=t.emApplicationtoken;",
        '{emApplicationtoken:"emApplicationtoken"}',
        "`?emApplicationtoken=${e.token}`",
        '"?emApplicationtoken="+e.token',
        "emApplicationtoken:`${token}`",
        'if(e.emApplicationtoken==="x")',
        'emApplicationtoken:""',
        'label:{applicationToken:"Token of the application"}',
        '["emApplicationtoken","isAuthenticationEnabled"]',
        "verification_token:'x'",
        "<b>emApplicationtoken</b>: <token>",
    ],
)
def test_code_and_words_are_left_alone(text: str) -> None:
    assert tokens("main.js", text) == []


@given(st.text(st.characters(exclude_characters="\"'`", exclude_categories=("Cs",))), st.text("abcXYZ019-_.~+=", min_size=1))
def test_everything_else_stays(filler: str, token: str) -> None:
    def text(value: str) -> str:
        return f'{filler}",emApplicationtoken:"{value}",{filler}'

    assert blanked(text(token)) == text("")


def test_the_longest_token_that_is_looked_for() -> None:
    assert blanked(f'emApplicationtoken:"{"a" * 8_000}"') == 'emApplicationtoken:""'
