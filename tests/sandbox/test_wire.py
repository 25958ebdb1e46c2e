import pytest

from sandbox.wire import Answer, Request, Route, match, render

ROUTES = (Route("GET", "events/published", "list"), Route("GET", "events/{event}", "event"), Route("POST", "x", "x"))


def test_query_is_read_as_a_form() -> None:
    assert Request("GET", b"/p?t=a+b%2Bc&n=%C3%A9").query == {"t": "a b+c", "n": "é"}


def test_absolute_targets_have_a_path() -> None:
    assert Request("GET", b"http://host/a/b?c").path == "/a/b"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "events/published", "list"),
        ("GET", "events/M%C3%BCnchen%20x", "event"),
        ("GET", "events/%FF", "unmatched"),
        ("GET", "events/", "unmatched"),
        ("GET", "EVENTS/a", "unmatched"),
        ("POST", "events/a", "wrong_method"),
    ],
)
def test_match(method: str, path: str, operation: str) -> None:
    assert match(ROUTES, method, path).operation == operation


def test_match_decodes_parameters_and_folds_fixed_segments_only() -> None:
    assert match(ROUTES, "GET", "EVENTS/M%C3%BCnchen%20X", fold_case=True).params == {"event": "München X"}


def test_render_adds_nothing() -> None:
    assert render(Answer(200, b"{}", (("A", "b"),))) == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}"
