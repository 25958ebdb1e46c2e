"""The description of the old API."""

import re
from typing import Any

import pytest

from app.openapi import describe, documentation_page
from tests.examples import named
from translation.operations import OPERATIONS, Operation, Serving

DOCUMENT = describe("1.2.3")


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(references(item) for item in value))
    return set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_operation_is_described(operation: Operation) -> None:
    described = DOCUMENT["paths"][f"/EvtMgmt/api/v2.0/{operation.path}"][operation.method.lower()]
    assert described["operationId"] == operation.name
    in_path = [parameter["name"] for parameter in described["parameters"] if parameter["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", operation.path)
    assert described["x-serving"] == operation.serving
    assert described.get("deprecated", False) == (operation.serving is Serving.REFUSED)
    assert "application/problem+json" in described["responses"]["default"]["content"]


def test_nothing_else_is_described_and_every_reference_leads_somewhere() -> None:
    assert sum(len(methods) for methods in DOCUMENT["paths"].values()) == len(OPERATIONS) == 25
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", "1.2.3")
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= schemas


def test_the_page_names_every_operation_and_its_links_lead_somewhere() -> None:
    page = documentation_page(DOCUMENT)
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert {operation.name for operation in OPERATIONS} <= anchors
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors


def test_what_is_written_into_the_page_is_escaped() -> None:
    info = {"title": "<b>", "description": "a & b", "version": "1"}
    page = documentation_page({"info": info, "paths": {}, "components": {"schemas": {}}})
    assert "<h1>&lt;b&gt;</h1><p>a &amp; b" in page
