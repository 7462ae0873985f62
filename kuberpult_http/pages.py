"""``/docs``: the API's description as one plain page, which needs nothing from anywhere else."""

import base64
import hashlib
import json
from functools import cache
from typing import Any

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import Response

from kuberpult_http.openapi import document

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
body { color: #1b1f24; background: #fff; }
code, pre { font-family: ui-monospace, monospace; font-size: 14px; }
pre { background: #f3f4f6; padding: .7em; overflow-x: auto; }
h3 { margin: 2em 0 .2em; font-size: 1em; overflow-wrap: anywhere; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .2em 1em .2em 0; vertical-align: top; }
nav a { margin-right: 1em; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #16181c; } pre { background: #22262c; } a { color: #8ab4f8; }
}
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>The API of kuberpult</title>
<style>{{ style }}</style>
</head>
<body>
<h1>The API of kuberpult {{ api.info.version }}</h1>
<p>{{ api.info.description }} For programs: <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<nav>{% for tag in tags %}<a href="#{{ tag }}">{{ tag }}</a>{% endfor %}</nav>
{% for tag, operations in tags.items() %}
<h2 id="{{ tag }}">{{ tag }}</h2>
{% for method, path, it in operations %}
<h3 id="{{ it.operationId }}"><code>{{ method }} {{ path }}</code></h3>
<p>{{ it.summary }}</p>
{% if it.parameters %}
<table>
{% for given in it.parameters %}
<tr><td><code>{{ given.name }}</code></td><td>{{ given.in }}</td><td>{{ schema(given.schema) }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% for media, content in (it.requestBody.content.items() if it.requestBody else ()) %}
<p>Body: <code>{{ media }}</code></p>
<table>
{% for name, field in (content.schema.properties or {}).items() %}
<tr><td><code>{{ name }}</code></td><td>{{ schema(field) }}</td></tr>
{% endfor %}
</table>
{% if content.example is defined %}<pre>{{ json(content.example) }}</pre>{% endif %}
{% endfor %}
{% endfor %}
{% endfor %}
</body>
</html>
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def docs(_request: Request) -> Response:
    """The page."""
    return Response(_page(), headers=HEADERS, media_type="text/html")


async def openapi(_request: Request) -> Response:
    """``GET /api/openapi.json``."""
    return Response(_json(document()), headers={"Cache-Control": "no-cache"}, media_type="application/json")


@cache
def _page() -> str:
    tags: dict[str, list[tuple[str, str, Any]]] = {}
    for path, operations in document()["paths"].items():
        for method, it in operations.items():
            tags.setdefault(it["tags"][0], []).append((method.upper(), path, it))
    template = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    return template.render(api=document(), tags=tags, style=_STYLE, schema=_in_words, json=_json)


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False)


def _in_words(schema: dict[str, Any]) -> str:
    """A schema on one line."""
    if "anyOf" in schema:
        return " or ".join(map(_in_words, schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kind = str(schema.get("type", schema.get("const", "")))
    bounds = {"minLength": "from", "maxLength": "to", "minimum": "from", "maximum": "to", "maxItems": "to"}
    said = [f"{word} {schema[key]}" for key, word in bounds.items() if key in schema]
    return " ".join([kind, *said]) + (" characters" if "maxLength" in schema else "")
