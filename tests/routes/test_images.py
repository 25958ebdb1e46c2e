"""Images end to end: streamed as they are, bounded, never anything but images."""

import httpx
import pytest

from tests.examples import IMAGES, assert_error, example, named, received, sent_headers
from tests.service import Service, running_proxy, settings_for
from translation.operations import Operation

PNG = b"\x89PNG\r\n\x1a\n"
LIMIT = 2**17
"""``max_image_bytes`` of the shared service."""


def raw(head: str, body: bytes) -> str:
    """The body of a `raw` fault: an answer byte for byte."""
    return f"HTTP/1.1 200 OK\r\n{head}\r\n" + body.decode("latin-1")


def image(service: Service, **headers: str) -> httpx.Response:
    return example("get_speaker_image", service).send(service, **headers)


@pytest.mark.parametrize("operation", IMAGES, ids=named)
def test_an_image_arrives_as_it_is(service: Service, operation: Operation) -> None:
    answer = example(operation.name, service).send(service)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(PNG)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "sandbox" in answer.headers["content-security-policy"]
    (record,) = received(service)
    assert (sent_headers(record)["accept"], sent_headers(record)["accept-encoding"]) == (["image/*"], ["identity"])


@pytest.mark.parametrize("operation", IMAGES, ids=named)
def test_head_of_an_image_has_its_headers(service: Service, operation: Operation) -> None:
    path = example(operation.name, service).path
    answer = service.client.head(f"{service.url}/EvtMgmt/api/v2.0/{path}")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "image/png")
    assert int(answer.headers["content-length"]) > 100
    # The connection serves the next request: no byte of the image follows.
    assert service.get("events/published").status_code == 200


@pytest.mark.parametrize(
    ("head", "body", "content_type"),
    [
        ("Content-Type: image/svg+xml; charset=utf-8\r\n", b"<svg/>", "image/svg+xml"),
        ("Content-Type: application/octet-stream\r\n", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("", b"GIF89a", "image/gif"),
    ],
)
def test_the_type_is_one_of_a_short_list(service: Service, head: str, body: bytes, content_type: str) -> None:
    service.sandbox.faults.add("raw", body=raw(head + f"Content-Length: {len(body)}\r\n", body))
    answer = image(service)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, content_type, body)


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "image/x-unheard-of", "application/octet-stream"])
def test_what_is_no_image_is_not_handed_on(service: Service, content_type: str) -> None:
    body = b"<script>alert(1)</script>"
    service.sandbox.faults.add("raw", body=raw(f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n", body))
    answer = image(service)
    assert_error(answer, "UpstreamAnswerInvalid", 502)
    assert "script" not in answer.text


@pytest.mark.parametrize("extra", [0, 1])
def test_an_image_that_says_its_length_is_bounded_by_it(service: Service, extra: int) -> None:
    body = PNG + b"x" * (LIMIT + extra - len(PNG))
    service.sandbox.faults.add("raw", body=raw(f"Content-Type: image/png\r\nContent-Length: {len(body)}\r\n", body))
    answer = image(service)
    if extra:
        assert_error(answer, "UpstreamAnswerTooLarge", 502)
    else:
        assert answer.content == body


def test_an_image_of_unknown_length_that_grows_too_large_breaks_off(service: Service) -> None:
    service.sandbox.faults.add("raw", body=raw("Content-Type: image/png\r\n", PNG + b"x" * (3 * LIMIT)))
    size = 0
    with service.client.stream("GET", f"{service.url}/EvtMgmt/api/v2.0/{example('get_speaker_image', service).path}") as answer:
        assert answer.status_code == 200
        assert "content-length" not in answer.headers
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - how much came before is part of the test
            for chunk in answer.iter_bytes():
                size += len(chunk)
    assert size <= LIMIT


def test_an_image_that_is_too_large_in_its_first_piece_is_an_error(service: Service) -> None:
    settings = settings_for(service.sandbox, upstream={"max_image_bytes": 1_024})
    service.sandbox.faults.add("raw", body=raw("Content-Type: image/png\r\n", PNG + b"x" * 5_000))
    with running_proxy(settings) as (port, _):
        path = example("get_speaker_image", service).path
        assert_error(service.client.get(f"http://127.0.0.1:{port}/EvtMgmt/api/v2.0/{path}"), "UpstreamAnswerTooLarge", 502)


def test_an_image_of_unknown_length_within_the_limit_is_whole(service: Service) -> None:
    body = PNG + b"x" * (LIMIT - len(PNG))
    service.sandbox.faults.add("raw", body=raw("Content-Type: image/png\r\n", body))
    assert image(service).content == body


@pytest.mark.parametrize("framing", ["Content-Length: 120000\r\n", "Transfer-Encoding: chunked\r\n"])
def test_an_image_that_breaks_off_upstream_breaks_off_here(service: Service, framing: str) -> None:
    half = PNG + b"x" * 100_000
    body = half if "Length" in framing else b"1d4c0\r\n" + half
    service.sandbox.faults.add("raw", body=raw("Content-Type: image/png\r\n" + framing, body))
    with pytest.raises(httpx.RemoteProtocolError):
        image(service)


@pytest.mark.parametrize("kind", ["close", "close_mid_headers", "reset"])
def test_an_image_that_breaks_off_before_it_begins_is_an_error(service: Service, kind: str) -> None:
    service.sandbox.faults.add(kind, times=None)
    assert_error(image(service), "UpstreamFailed", 502)


def test_a_packed_image_is_not_handed_on(service: Service) -> None:
    service.sandbox.faults.add("gzip")
    assert_error(image(service), "UpstreamAnswerInvalid", 502)


def test_an_image_that_does_not_exist(service: Service) -> None:
    assert_error(service.get("speakers/0e3b2b6a-0000-4000-8000-000000000009/image"), "NotFound", 404)
    assert_error(service.get("speakers/nobody/image"), "InvalidParameter", 400)
    assert len(received(service)) == 1
