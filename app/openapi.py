"""The old API described (OpenAPI 3.1), from the table of operations: its own swagger is gone."""

from functools import cache
from html import escape
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from translation.operations import GRAMMARS, OLD_BASES, OPERATIONS, Answer, Grammar, Operation, Serving
from translation.registration import BODIES
from translation.shapes import SHAPES, Problem

_GUID: Final = {"type": "string", "format": "uuid"}
_EVENT_ID: Final = {"type": "string", "minLength": 1, "maxLength": 200, "description": "The readable event id."}
_QUERY: Final = {
    "api-version": {"type": "string"},
    "webappid": _GUID,
    "businessunitid": _GUID,
    "data": {"type": "string", "description": "URL-encoded JSON array (docs/migration.md)."},
}


@cache
def describe(version: str) -> dict[str, Any]:
    """The OpenAPI document; made once, as it takes longer than the rest of a portal.

    Args:
        version: The product's version.
    """
    models: list[type[BaseModel]] = [*SHAPES.values(), *BODIES.values(), Problem]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/{OLD_BASES[0]}/{operation.path}", {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Events API (outbound marketing), served from real-time journeys",
            "version": version,
            "description": f"The same paths are answered under /{OLD_BASES[1]}/. Errors are described in docs/errors.md.",
        },
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.repairs,
        "tags": [operation.path.split("/")[0]],
        "parameters": [_path_parameter(name) for name in operation.parameters]
        + [{"name": name, "in": "query", "required": name == "data", "schema": _QUERY[name]} for name in operation.query],
        "responses": {
            "default": {"description": "An error", "content": {"application/problem+json": {"schema": _ref(Problem.__name__)}}}
        },
        "x-serving": operation.serving.value,
    }
    if operation.name in BODIES:
        schema = _ref(BODIES[operation.name].__name__)
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.serving is Serving.REFUSED:
        assert operation.refusal is not None  # noqa: S101 - a test over the table proves it
        described["deprecated"] = True
        described["responses"][str(operation.refusal.status)] = {"description": operation.refusal.title}
    elif operation.answer is Answer.REDIRECT:
        described["responses"] |= {"302": {"description": "Checked in"}, "204": {"description": "Checked in"}}
    else:
        described["responses"]["200"] = {"description": "The answer", "content": _content(operation)}
    return described


def _content(operation: Operation) -> dict[str, Any]:
    match operation.answer:
        case Answer.IMAGE:
            return {"image/*": {}}
        case Answer.CALENDAR:
            return {"text/calendar": {}}
        case Answer.COUNT:
            return {"application/json": {"schema": {"type": "integer"}}}
    assert operation.shape is not None  # noqa: S101 - a test over the table proves it
    schema = _ref(operation.shape)
    if operation.answer in (Answer.LIST, Answer.EVENT_LIST):
        schema = {"type": "array", "items": schema}
    return {"application/json": {"schema": schema}}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = _EVENT_ID if GRAMMARS[name] is Grammar.EVENT_ID else _GUID
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def documentation_page(document: dict[str, Any]) -> str:
    """The OpenAPI document as one page without scripts or foreign assets: it works where there is no internet."""
    sections = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = "".join(
                f"<li><code>{escape(parameter['name'])}</code> ({escape(parameter['in'])})</li>"
                for parameter in operation["parameters"]
            )
            shapes = sorted({part.split('"')[0] for part in str(operation).replace("'", '"').split("#/components/schemas/")[1:]})
            links = ", ".join(f'<a href="#shape-{escape(name)}">{escape(name)}</a>' for name in shapes)
            sections.append(
                f'<section id="{escape(operation["operationId"])}"><h3><span class="{method}">{method.upper()}</span> '
                f"<code>{escape(path)}</code></h3><p>{escape(operation['summary'])} "
                f'<em class="{operation["x-serving"]}">{operation["x-serving"]}</em></p>'
                f"<p>{escape(operation['description'])}</p><ul>{parameters}</ul><p>Shapes: {links}</p></section>"
            )
    for name, schema in document["components"]["schemas"].items():
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code></td><td>{escape(_type(definition))}</td></tr>"
            for field, definition in schema.get("properties", {}).items()
        )
        sections.append(
            f'<section id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
            f"<p>{escape(schema.get('description', ''))}</p><table>{rows}</table></section>"
        )
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Events API</title><style>'
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
        "section{border-top:1px solid #8885;padding:.5rem 0}code{overflow-wrap:anywhere}em{font-style:normal;border:1px solid;"
        "border-radius:.5rem;padding:0 .5rem;font-size:.8rem}.refused{color:#c33}.served{color:#285}.emulated{color:#a60}"
        "td{padding:0 1rem 0 0;vertical-align:top}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])} "
        f'Machine-readable: <a href="/openapi.json">/openapi.json</a></p>{"".join(sections)}</body></html>'
    )


def _type(definition: dict[str, Any]) -> str:
    if "anyOf" in definition:
        return " or ".join(_type(part) for part in definition["anyOf"])
    if "$ref" in definition:
        return str(definition["$ref"]).rsplit("/", 1)[-1]
    if definition.get("type") == "array":
        return f"list of {_type(definition.get('items', {}))}"
    return str(definition.get("type", "anything"))
