"""The reference as a page: written from the OpenAPI document, without any script and without any request to elsewhere."""

from __future__ import annotations

import html
import json
from typing import Any

from inkdot.show.api.problems import KINDS

POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1rem}
h2{border-bottom:1px solid;margin-top:2.5rem;padding-bottom:.2rem;text-transform:capitalize}
details{border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}
html{background:#fff;color:#1b1c1f}a{color:#0b57d0}td,p,li,summary code{overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){html{background:#16171b;color:#e9eaee}a{color:#9cbcff}}
.method{display:inline-block;min-width:4.2rem;font-weight:700}.scope{float:right;opacity:.8}
"""
_BEGIN = """curl -H "Authorization: Bearer $INKDOT_KEY" '{server}/api/v1/events?kind=open&limit=10'"""


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    operations = [
        (method, path, said) for path, methods in document["paths"].items() for method, said in methods.items()
    ]
    tags = dict.fromkeys(said["tags"][0] for _, _, said in operations)
    parts = [_section(tag, [o for o in operations if o[2]["tags"][0] == tag], document) for tag in tags]
    toc = " · ".join(f'<a href="#{_e(tag)}">{_e(tag)}</a>' for tag in tags)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Inkdot API</title><link rel="stylesheet" href="/api/docs.css"><body><main><h1>Inkdot API</h1>{_INTRODUCTION}'
        f'<nav aria-label="Nouns"><p>{toc} · <a href="#problems">problems</a></p></nav>{"".join(parts)}{_problems()}</main>'
    )


_INTRODUCTION = f"""<p>JSON over HTTP, described by <a href="/api/openapi.json">OpenAPI 3.1</a>. Make a key with
<code>inkdot key add NAME --scope read</code> and send it with each request:</p><pre tabindex="0">{html.escape(_BEGIN.format(server="http://127.0.0.1:8000"))}</pre>
<ul><li>Lists answer <code>{{"data": [...], "has_more": true, "next_cursor": "..."}}</code>; give <code>next_cursor</code> back as <code>cursor</code>.</li>
<li>Requests that change something take <code>Idempotency-Key</code>: the same key and request within a day do once and are answered alike.</li>
<li>Errors are <code>application/problem+json</code>; <code>request_id</code> is also in the header <code>X-Request-Id</code>.</li>
<li>The headers <code>RateLimit</code> and <code>RateLimit-Policy</code> say how much is left.</li>
<li>Absent is <code>null</code>. Times are ISO 8601 in UTC. What is in another workspace is not found.</li></ul>"""


def _section(tag: str, operations: list[tuple[str, str, dict[str, Any]]], document: dict[str, Any]) -> str:
    return (
        f'<section><h2 id="{_e(tag)}">{_e(tag)}</h2>{"".join(_operation(*o, document) for o in operations)}</section>'
    )


def _operation(method: str, path: str, said: dict[str, Any], document: dict[str, Any]) -> str:
    rows = "".join(_parameter(p) for p in said.get("parameters", ()))
    table = f"<table><tr><th>Parameter</th><th>In</th><th>What</th></tr>{rows}</table>" if rows else ""
    bodies = said.get("requestBody", {}).get("content", {})
    sent = "".join(
        f"<p>Body, <code>{_e(kind)}</code>:</p>{_schema(c['schema'], document)}" for kind, c in bodies.items()
    )
    answers = ""
    for status, answer in said["responses"].items():
        if status.startswith("2"):
            content = answer.get("content", {})
            shown = "".join(_schema(c["schema"], document) for c in content.values())
            answers += f"<p>Answer <code>{_e(status)}</code>:</p>{shown or '<p>Nothing.</p>'}"
    others = ", ".join(s for s in said["responses"] if not s.startswith("2"))
    return (
        f'<details id="{_e(said["operationId"])}"><summary><span class="method">{_e(method.upper())}</span> '
        f"<code>{_e(path)}</code> {_e(said['summary'])}</summary><p>{_e(said.get('description', ''))}</p>"
        f"{table}{sent}{answers}<p>Other answers: {_e(others)}.</p></details>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    words = [schema.get("type") or "one of " + ", ".join(map(str, schema.get("enum", ())))]
    words += [parameter.get("description", ""), schema.get("description", "")]
    if "default" in schema:
        words.append(f"{schema['default']} if not given")
    said = "; ".join(word for word in words if word)
    need = " (needed)" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{_e(parameter['name'])}</code>{need}</td><td>{_e(parameter['in'])}</td><td>{_e(said)}</td></tr>"
    )


def _schema(schema: dict[str, Any], document: dict[str, Any]) -> str:
    return f'<pre tabindex="0">{_e(json.dumps(_example(schema, document, 0), indent=2))}</pre>'


def _example(schema: dict[str, Any], document: dict[str, Any], depth: int) -> Any:
    """The shape with a word for each value."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        kinds = [_example(kind, document, depth) for kind in schema["anyOf"] if kind != {"type": "null"}]
        return (
            kinds[0]
            if len(kinds) == 1 and isinstance(kinds[0], dict | list)
            else " or ".join([*map(str, kinds), "null"])
        )
    if "enum" in schema:
        return " | ".join("null" if word is None else str(word) for word in schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        if depth > 3 or "properties" not in schema:
            return {"...": "..."}
        return {name: _example(child, document, depth + 1) for name, child in schema["properties"].items()}
    if kind == "array":
        return [_example(schema.get("items", {}), document, depth + 1)] if schema.get("items") else []
    return str(kind or "any")


def _problems() -> str:
    rows = "".join(
        f'<tr id="problem-{_e(name)}"><td><code>{kind.status}</code></td><td>{_e(kind.title)}</td><td>{_e(kind.text)}</td></tr>'
        for name, kind in KINDS.items()
    )
    return f'<section><h2 id="problems">Problems</h2><table><tr><th>Status</th><th>Title</th><th>What to do</th></tr>{rows}</table></section>'


def _e(text: object) -> str:
    return html.escape(str(text), quote=True)
