"""The API's description in OpenAPI 3.1, made of the table of routes, the classes and the shapes of answers."""

from functools import cache
from importlib.metadata import version
from typing import Any

from kuberpult_http.besides import of_go, own
from kuberpult_http.components import components, ref
from kuberpult_http.gotool import GO_ROUTES
from kuberpult_http.operations import operation
from kuberpult_http.problems import MEDIA_TYPE
from kuberpult_http.routes import ROUTES


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    for path, operations in (*own(), *map(of_go, GO_ROUTES)):
        paths.setdefault(path, {}).update(operations)
    problem = {"description": "What went wrong.", "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "kuberpult",
            "version": version("kuberpult"),
            "description": "Which version of which service is on which environment next.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components(),
            "responses": {"Problem": problem},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }
