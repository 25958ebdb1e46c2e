"""The variables of OpenTelemetry that say where traces are sent: read by its own exporter, looked at here before it starts.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and .../configuration/sdk-environment-variables/. The exporter would
fall back silently on what it cannot read, or end the start with an error of its own.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_OTLP: Final = "OTEL_EXPORTER_OTLP_"
_PROTOCOL: Final = "http/protobuf"
_LIBRARIES: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
_COMPRESSIONS: Final = ("gzip", "deflate", "none")
_FILES: Final = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
_NUMBERS: Final = {"OTEL_BSP_SCHEDULE_DELAY": 5_000, "OTEL_BSP_MAX_QUEUE_SIZE": 2_048, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": 512}
"""Whole numbers above 0, and what they are when they are not given."""


def is_disabled() -> bool:
    """Whether OpenTelemetry is turned off as a whole, whatever our own settings say."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def secrets() -> Iterator[str]:
    """What must never be seen: headers that the exporter sends, such as keys, and the password of the address."""
    for place in ("", "TRACES_"):
        for pair in os.environ.get(f"{_OTLP}{place}HEADERS", "").split(","):
            _, _, value = pair.partition("=")
            if value.strip():
                yield from {value.strip(), unquote(value.strip())}
        try:
            password = urlsplit(os.environ.get(f"{_OTLP}{place}ENDPOINT", "")).password
        except ValueError:
            continue
        if password:
            yield from {password, unquote(password)}


def mistakes() -> Iterator[str]:
    """A sentence for each reason why traces could not be sent. Values are not told: an address may hold a key."""
    if not _has_exporter():
        yield "traces need the extra otlp: install evtmgmt-proxy[otlp]"
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip() not in ("", "otlp"):
        yield "OTEL_TRACES_EXPORTER must be otlp, or not be set"
    name, value = _given("PROTOCOL")
    if value not in ("", _PROTOCOL):
        yield f"{name} must be {_PROTOCOL}, or not be set: nothing else is spoken"
    name, value = _given("ENDPOINT")
    if value and not _is_address(value):
        yield f"{name} must be an address such as http://collector:4318"
    name, value = _given("TIMEOUT")
    if value and not _is_time(value):
        yield f"{name} must be a number of seconds above 0"
    name, value = _given("COMPRESSION")
    if value and value.lower() not in _COMPRESSIONS:
        yield f"{name} must be one of {', '.join(_COMPRESSIONS)}"
    for what in _FILES:
        name, value = _given(what)
        if value and not (Path(value).is_file() and os.access(value, os.R_OK)):
            yield f"{name} must name a file that can be read"
    yield from _wrong_numbers()


def _wrong_numbers() -> Iterator[str]:
    found = dict(_NUMBERS)
    for name in _NUMBERS:
        value = os.environ.get(name, "").strip()
        if not value:
            continue
        if not (value.isascii() and value.isdigit() and int(value)):
            yield f"{name} must be a whole number above 0"
            return
        found[name] = int(value)
    if found["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] > found["OTEL_BSP_MAX_QUEUE_SIZE"]:
        yield "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be more than OTEL_BSP_MAX_QUEUE_SIZE"


def _given(what: str) -> tuple[str, str]:
    """A variable of the exporter and its value: the one for traces alone wins, an empty one is none."""
    own, common = f"{_OTLP}TRACES_{what}", f"{_OTLP}{what}"
    value = os.environ.get(own, "").strip()
    return (own, value) if value else (common, os.environ.get(common, "").strip())


def _has_exporter() -> bool:
    try:
        return all(find_spec(name) is not None for name in _LIBRARIES)
    except ModuleNotFoundError:
        return False


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_time(value: str) -> bool:
    try:
        return isfinite(float(value)) and float(value) > 0
    except ValueError:
        return False
