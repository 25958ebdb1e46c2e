"""Spans: put together, replaced, shown; a token is never shown, nor a part of one."""

from hypothesis import given
from hypothesis import strategies as st

from app.repointing.places import MASK, Kind, Span, excerpt, merged, place, position, replaced


def span(start: int, end: int, kind: Kind = Kind.ENDPOINT, replacement: str | None = "") -> Span:
    return Span(start, end, kind, "plain", replacement)


def test_of_two_that_overlap_the_first_group_stays() -> None:
    assert merged([span(5, 9)], [span(0, 3), span(8, 12), span(9, 10)]) == [span(0, 3), span(5, 9), span(9, 10)]


def test_only_what_has_a_replacement_is_replaced() -> None:
    assert replaced("0123456789", [span(1, 3, replacement="x"), span(4, 6, replacement=None), span(8, 10)]) == "0x34567"


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20), st.none() | st.text(max_size=5))))
def test_all_else_is_as_it_was(parts: list[tuple[str, str, str | None]]) -> None:
    text, wanted, spans = "", "", []
    for outside, inside, new in parts:
        text += outside
        spans.append(span(len(text), len(text) + len(inside), replacement=new))
        text += inside
        wanted += outside + (inside if new is None else new)
    assert replaced(text, spans) == wanted


def test_lines_and_columns_count_from_one() -> None:
    text = "ab\ncd\r\nef"
    assert [position(text, text.index(letter)) for letter in "abcef"] == [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2)]


def test_a_place_is_shown_on_one_line_with_its_surroundings() -> None:
    text = "first\n" + "x " * 100 + "HERE" + " y" * 100 + "\nlast"
    start = text.index("HERE")
    found = place("a.js", text, span(start, start + 4), [])
    assert (found.line, found.column) == (2, 201)
    assert found.context == f"...{'x ' * 29}x HERE {'y ' * 29}y..."


def test_tokens_around_are_masked_whole_and_cut() -> None:
    token = "s3cret" * 300
    text = f'HERE,token:"{token}",HERE'
    spans = [span(0, 4), span(12, 12 + len(token), Kind.TOKEN), span(len(text) - 4, len(text))]
    assert place("a.js", text, spans[0], spans).context == f'HERE,token:"{MASK}'
    assert place("a.js", text, spans[1], spans).context == f'HERE,token:"{MASK}",HERE'
    assert "s3cret" not in place("a.js", text, spans[2], spans).context


def test_a_short_token_is_masked_too() -> None:
    text = 'HERE,token:"s3c!ret",HERE'
    spans = [span(0, 4), span(12, 19, Kind.TOKEN)]
    assert [place("a.js", text, one, spans).context for one in spans] == [f'HERE,token:"{MASK}",HERE'] * 2


def test_what_may_be_a_secret_under_another_name_is_masked() -> None:
    text = f'HERE,key:"{"aB3" * 20}",short:"abc"'
    assert excerpt(text, 0, 4, []) == f'HERE,key:"{MASK}",short:"abc"'


def test_control_characters_do_not_steer_a_terminal() -> None:
    assert "\x1b" not in excerpt("\x1b[31mHERE", 5, 9, [])
