"""The API described as OpenAPI 3.1, from the same types that decode requests and write answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from inkdot.domain.account import Scope
from inkdot.show.api.call import Endpoint
from inkdot.show.api.problems import BY_STATUS, KINDS, PROBLEM

_IN_PATH = re.compile(r"\{(\w+)\}")
_WORDS = {
    "event": "evt", "message": "msg", "document": "doc", "share": "shr", "site": "site", "trigger": "trg",
    "audience": "aud", "webhook": "whk", "delivery": "dlv",
}  # fmt: skip
_REF = "#/components/schemas/{name}"
_ALWAYS = (401, 403, 429, 500, 503)
_EVENTS = "text/event-stream"


def described(endpoints: Iterable[Endpoint], base: str) -> dict[str, Any]:
    """The document."""
    endpoints = tuple(endpoints)
    types = [e.answer for e in endpoints if e.answer is not None]
    types += [e.body for e in endpoints if e.body not in (None, bytes)] + [e.query for e in endpoints if e.query]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    written = {repr(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(base + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, written, components)
    paths |= _apart(base)
    queries = {e.query.__name__ for e in endpoints if e.query}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Inkdot",
            "version": version("inkdot"),
            "description": "What happened to what you sent, honestly: every event says who acted and what it proves.",
            "license": {"name": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(e.tag for e in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key that 'inkdot key add' made."}
            },
            "schemas": {n: s for n, s in components.items() if n not in queries} | {"Problem": _problem()},
        },
    }


def _operation(e: Endpoint, written: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    scope = f"Scope {' or '.join(f'`{scope}`' for scope in e.scopes)}." if e.scopes else "Any scope."
    said = (e.handler.__doc__ or "").strip()
    found: dict[str, Any] = {
        "operationId": e.name, "tags": [e.tag], "summary": e.summary, "description": f"{said}\n\n{scope}".strip(),
        "parameters": [*map(_path_parameter, _IN_PATH.findall(e.path)), *_query_parameters(e, components)],
        "x-scope": e.scope,
    }  # fmt: skip
    if e.method not in ("GET", "HEAD"):
        found["parameters"].append(_idempotency())
    if e.body is bytes:
        found["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    elif e.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": written[repr(e.body)]}}}
    found["responses"] = _answers(e, written)
    return found


def _answers(e: Endpoint, written: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done"}
    if e.answer is not None:
        good["content"] = {"application/json": {"schema": written[repr(e.answer)]}}
    found = {str(e.status): good}
    statuses = [*_ALWAYS]
    if e.method == "GET":
        found["304"] = {"description": "As it was; see ETag"}
    if e.query or e.body or _IN_PATH.search(e.path) or e.method != "GET":
        statuses += [404, 422] if _IN_PATH.search(e.path) else [422]
    if e.body is not None:
        statuses += [400, 413] + ([415] if e.body is not bytes else [])
    elif e.method != "GET":
        statuses += [413]
    if e.path.startswith(("/sites", "/deliveries")):  # their parameters name things, too
        statuses += [404]
    if e.method != "GET":
        statuses += [404, 409]
    return found | {str(s): refused(s) for s in sorted(set(statuses))}


def refused(status: int) -> dict[str, Any]:
    """An answer that is a problem."""
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": KINDS[BY_STATUS[status]].title, "content": {PROBLEM: {"schema": schema}}}


def _problem() -> dict[str, Any]:
    place = {
        "type": "object",
        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
        "required": ["field", "message"],
    }
    return {
        "type": "object",
        "description": "An error, as RFC 9457 tells it.",
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"}, "request_id": {"type": "string"}, "errors": {"type": "array", "items": place},
        },
        "required": ["type", "title", "status", "detail", "request_id"],
    }  # fmt: skip


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if name in _WORDS:
        schema = {"type": "string", "pattern": f"^{_WORDS[name]}_[0-9a-z]{{13}}$"}
    elif name == "person":
        schema |= {"maxLength": 320, "description": "A mail address", "examples": ["ben@example.com"]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(e: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    if e.query is None:
        return []
    shape = components[e.query.__name__]
    needed = shape.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _plain(schema)}
        for name, schema in shape["properties"].items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent, never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    found = kinds[0] if len(kinds) == 1 else {k: v for k, v in schema.items() if k != "default" or v is not None}
    if isinstance(found.get("enum"), list):
        found = found | {"enum": [word for word in found["enum"] if word is not None]}
    return found


def _idempotency() -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    text = "The same key and request within a day do once, and are answered alike."
    return {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": text}


def _apart(base: str) -> dict[str, Any]:
    """Addresses that make their own answers."""
    health = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "trouble": {"type": ["string", "null"]}},
        "required": ["ok", "trouble"],
    }
    json = {"application/json": {"schema": health}}
    parameters = [
        {"name": "kind", "in": "query", "required": False, "schema": {"type": "string"}, "description": "Kinds, with commas between"},
        {"name": "machines", "in": "query", "required": False, "schema": {"type": "string", "enum": ["true", "false"]}},
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}, "description": "Where a feed broke off"},
    ]  # fmt: skip
    live = {
        "operationId": "live", "tags": ["live"], "summary": "Events as they come (server-sent events)",
        "description": f"`event: kept` for a new event, `event: judged` for one that is judged otherwise by late evidence, "
        f"`event: missed` where more was missed than is told again. Scope `{Scope.READ}`.",
        "parameters": parameters, "x-scope": Scope.READ,
        "responses": {"200": {"description": "A stream", "content": {_EVENTS: {"schema": {"type": "string"}}}}}
        | {str(s): refused(s) for s in (401, 403, 422, 429, 503)},
    }  # fmt: skip
    well = {
        "operationId": "health", "tags": ["health"], "summary": "Whether the office works", "security": [],
        "responses": {"200": {"description": "It does", "content": json}, "503": {"description": "It does not, now", "content": json}},
    }  # fmt: skip
    return {f"{base}/live": {"get": live}, f"{base}/health": {"get": well}}
