"""``/applications/{app}/releases/{version}``: a release, where it is, what is in it and how it differs."""

from enum import StrEnum
from typing import Any

from starlette.responses import Response

from kuberpult_core.errors import NoManifest, NotAllowed, UnknownRelease
from kuberpult_core.names import application_name, version_from
from kuberpult_core.questions import (
    CompareManifests,
    CompareReleases,
    FindRelease,
    Question,
    ShowApplication,
    ShowManifest,
    ShowRelease,
)
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.paging import number
from kuberpult_http.ui.refusals import problem_of
from kuberpult_http.ui.rendering import rendered

MOST_CHARACTERS = 500_000
"""Of a manifest, as far as it is shown."""
MOST_CHOICES = 200
"""Other releases that are offered to compare with; any can be typed in."""


class Part(StrEnum):
    """What is shown below the release itself."""

    CHANGES = "changes"
    MANIFESTS = "manifests"
    ENVIRONMENTS = "environments"


async def release(look: Look) -> Response:
    """The release; ``show`` says which part of what is in it."""
    name, version = (
        application_name(look.request.path_params["app"]),
        version_from(look.request.path_params["version"]),
    )
    found = await look.ask(ShowRelease(name, version))
    places = (await look.ask(FindRelease(name, version)))["places"]
    part = _part(look.wanted("show"))
    ordered = [it["environment"] for it in places if it["environment"] in found["manifests"]]
    others = [it for it in (await look.ask(ShowApplication(name)))["releases"] if it != version]
    return await rendered(
        look,
        "release.html",
        app=name,
        release=found,
        places=places,
        manifests=ordered + [it for it in found["manifests"] if it not in ordered],
        before=next((it for it in others if it < version), None),
        others=_nearest(others, version),
        part=part,
        parts_shown=list(Part),
        **await _PARTS[part](look, found, ordered, others),
    )


def _part(text: str | None) -> Part:
    return next((it for it in Part if it == text), Part.CHANGES)


def _nearest(others: list[int], version: int) -> list[int]:
    """Those releases that are nearest by their numbers, the newest first."""
    near = sorted(others, key=lambda it: abs(it - version))[:MOST_CHOICES]
    return sorted(near, reverse=True)


async def _answer(look: Look, question: Question) -> dict[str, Any]:
    """What was found, or the sentence that says why it cannot be shown."""
    try:
        return {"found": await look.ask(question), "problem": None}
    except (NoManifest, NotAllowed, UnknownRelease) as refusal:
        return {"found": None, "problem": problem_of(refusal)}


async def _changes(look: Look, found: dict[str, Any], ordered: list[str], others: list[int]) -> dict[str, Any]:
    """How it differs from another release: that before it, unless one is asked for."""
    name, version, environment = found["application"], found["version"], look.wanted("env")
    asked = number(look.wanted("other"))
    other = asked or next((it for it in others if it < version), None)
    given = {"other": other, "environment": environment}
    if other is None or other == version:
        return {**given, "found": None, "problem": None}
    answer = await _answer(look, CompareReleases(name, other, version, environment))
    place = {it: number for number, it in enumerate(ordered)}
    differences = sorted(answer["found"] or (), key=lambda it: place.get(it["environment"], len(place)))
    return {**given, **answer, "found": differences}


async def _manifest(look: Look, found: dict[str, Any], ordered: list[str], _others: list[int]) -> dict[str, Any]:
    """One manifest as it may be shown."""
    environment = look.wanted("env") or next(iter([*ordered, *found["manifests"]]), None)
    given = {"environment": environment, "is_cut": False}
    if environment is None:
        return {**given, "found": None, "problem": None}
    question = ShowManifest(found["application"], found["version"], environment, redacted=True)
    answer = await _answer(look, question)
    text = (answer["found"] or b"").decode()
    return {**given, **answer, "found": text[:MOST_CHARACTERS], "is_cut": len(text) > MOST_CHARACTERS}


async def _between(look: Look, found: dict[str, Any], ordered: list[str], _others: list[int]) -> dict[str, Any]:
    """How its manifests for two environments differ: the last two in the order of promotion, unless asked."""
    known = ordered if len(ordered) > 1 else found["manifests"]
    one, other = look.wanted("one"), look.wanted("with")
    if len(known) > 1:
        one, other = one or known[-2], other or known[-1]
    given = {"one": one, "other": other}
    if one is None or other is None or one == other:
        return {**given, "found": None, "problem": None}
    return {**given, **await _answer(look, CompareManifests(found["application"], found["version"], one, other))}


_PARTS = {Part.CHANGES: _changes, Part.MANIFESTS: _manifest, Part.ENVIRONMENTS: _between}
