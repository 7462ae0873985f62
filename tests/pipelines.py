"""What CI servers do with a pipeline, as far as docs/ci-recipes.md needs it: the steps in their shells.

An expression, a condition or a step that is not known here fails: a recipe must not rest on a guess.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from tests.cli import Ran


@attrs.frozen
class Step:
    """Some lines for a shell, or files that are kept."""

    script: str = ""
    variables: Mapping[str, str] = attrs.field(factory=dict)
    is_last: bool = False
    """Whether it runs whatever came of those before."""
    counts: bool = True
    """Whether the job fails with it."""
    kept: tuple[str, ...] = ()


@attrs.frozen
class Server:
    """How a CI server starts a shell, and which variables it sets."""

    shell: tuple[str, ...]
    variables: Mapping[str, str]


COMMIT = "c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe"
AUTHOR = "Ben <ben@example.com>"
MESSAGE = 'Fix the total\n\n$(touch pwned) `touch pwned` "; touch pwned'
"""Whoever may commit writes this."""

SERVERS = {
    "GitHub Actions": Server(
        ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
        {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "shop/cart",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_RUN_NUMBER": "7",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": COMMIT,
        },
    ),
    "GitLab CI": Server(
        ("bash", "-eo", "pipefail"),
        {
            "CI": "true",
            "CI_COMMIT_AUTHOR": AUTHOR,
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_MESSAGE": MESSAGE,
            "CI_COMMIT_SHA": COMMIT,
            "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_ID": "4711",
            "CI_PIPELINE_IID": "7",
            "CI_PIPELINE_SOURCE": "push",
            "CI_PIPELINE_URL": "https://gitlab.com/shop/cart/-/pipelines/4711",
            "GITLAB_USER_EMAIL": "ada@example.com",
            "GITLAB_USER_NAME": "Ada",
            "KUBERPULT_GIT_TOKEN": "secret",
        },
    ),
    "Jenkins": Server(
        ("sh", "-xe"),
        {
            "BUILD_NUMBER": "7",
            "BUILD_URL": "https://jenkins.example.com/job/cart/7/",
            "GIT_COMMIT": COMMIT,
        },
    ),
}
CONTEXTS = {
    "secrets.KUBERPULT_GIT_TOKEN": "secret",
    "github.actor": "ada",
    "github.event.head_commit.author.name": "Ben",
    "github.event.head_commit.author.email": "ben@example.com",
    "github.event.head_commit.message": MESSAGE,
}
"""What GitHub fills in for an expression."""


def steps_of(server: str, text: str, inputs: Mapping[str, str]) -> list[Step]:
    """The steps that a pipeline runs for what somebody has typed in."""
    match server:
        case "GitHub Actions":
            return list(_github(yaml.safe_load(text), inputs))
        case "GitLab CI":
            return list(_gitlab(yaml.safe_load(text), inputs))
        case _:
            return list(_jenkins(text, inputs))


# GitHub


def _github(workflow: dict[str, Any], inputs: Mapping[str, str]) -> Iterator[Step]:
    known = {**CONTEXTS, **{f"inputs.{name}": value for name, value in inputs.items()}}
    for job in workflow["jobs"].values():
        if not _holds(job.get("if", "always()"), known):
            continue
        assert job["defaults"]["run"]["shell"] == "bash"
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "an expression in a script is carried out by the shell"
            yield _github_step(step, {**job["env"], **step.get("env", {})}, known)


def _github_step(step: dict[str, Any], variables: Mapping[str, str], known: Mapping[str, str]) -> Step:
    assert step.get("if") in {None, "always()"}
    match step.get("uses", "").partition("@")[0]:
        case "":
            filled = {name: _filled(value, known) for name, value in variables.items()}
            return Step(step["run"], filled, is_last=step.get("if") == "always()")
        case "actions/checkout":
            return Step()
        case "actions/upload-artifact":
            return Step(kept=tuple(step["with"]["path"].split()))
        case other:
            raise AssertionError(f"nothing is known of {other}")


def _filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known[found[1]], text)


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    if condition == "always()":
        return True
    found = re.fullmatch(r"([\w.]+) (==|!=) ''", condition)
    assert found, f"nothing is known of {condition!r}"
    return (known[found[1]] == "") == (found[2] == "==")


# GitLab


def _gitlab(pipeline: dict[str, Any], inputs: Mapping[str, str]) -> Iterator[Step]:
    known = {**SERVERS["GitLab CI"].variables, **inputs}
    for job in pipeline.values():
        if not any(_applies(rule["if"], known) for rule in job["rules"]):
            continue
        variables = {
            **{name: value for name, value in inputs.items() if value},
            **{
                name: re.sub(r"\$(\w+)", lambda it: known[it[1]], value)
                for name, value in job["variables"].items()
            },
        }
        yield Step("\n".join(job["script"]), variables)
        yield Step("\n".join(job.get("after_script", [])), variables, is_last=True, counts=False)
        yield Step(kept=tuple(job.get("artifacts", {}).get("paths", ())))


def _applies(rule: str, known: Mapping[str, str]) -> bool:
    found = re.fullmatch(r'\$(\w+)(?: == (?:\$(\w+)|"(\w+)"))?', rule)
    assert found, f"nothing is known of {rule!r}"
    value = known.get(found[1], "")
    return value == (known[found[2]] if found[2] else found[3]) if found[2] or found[3] else bool(value)


# Jenkins


def _jenkins(text: str, inputs: Mapping[str, str]) -> Iterator[Step]:
    root = _blocks(text)["pipeline"]
    parts = _blocks(root)
    assert {"agent", "environment", "stages"} <= set(parts)
    variables = {**inputs, **dict(re.findall(r"^\s*(\w+) = '(.*)'$", parts["environment"], re.MULTILINE))}
    variables |= dict.fromkeys(re.findall(r"(\w+) = credentials\('[\w-]+'\)", parts["environment"]), "secret")
    assert len(variables) == len(inputs) + len(parts["environment"].strip().splitlines())
    for name, stage in _blocks(parts["stages"]).items():
        assert name.startswith("stage('")
        inside = _blocks(stage)
        condition = re.fullmatch(
            r" expression \{ params\.(.*) \} ", inside.get("when", " expression { params.x == '' } ")
        )
        assert condition
        if _holds(condition[1], {"x": "", **inputs}):
            yield from _jenkins_steps(inside["steps"], variables, is_last=False)
    if "post" in parts:
        (always,) = _blocks(parts["post"]).items()
        assert always[0] == "always"
        yield from _jenkins_steps(always[1], variables, is_last=True)


def _jenkins_steps(text: str, variables: Mapping[str, str], *, is_last: bool) -> Iterator[Step]:
    pieces = re.finditer(r"sh '''(.*?)'''|sh '([^']*)'|archiveArtifacts artifacts: '([^']*)'", text, re.DOTALL)
    rest = text
    for piece in pieces:
        rest = rest.replace(piece[0], "")
        if piece[3]:
            yield Step(kept=tuple(piece[3].split(", ")))
        else:
            yield Step((piece[1] or piece[2]).replace("\\\n", ""), variables, is_last)  # as Groovy reads it
    assert not rest.strip(), f"nothing is known of {rest.strip()!r}"


def _blocks(text: str) -> dict[str, str]:
    """The blocks of a Jenkinsfile on one level: what stands before the brace, and what between the two."""
    found: dict[str, str] = {}
    depth, start, name = 0, 0, ""
    bare = re.sub(r"'''.*?'''|'[^'\n]*'", lambda it: "x" * len(it[0]), text, flags=re.DOTALL)
    for index, character in enumerate(bare):
        if character == "{":
            if not depth:
                name, start = text[:index].splitlines()[-1].strip().split(" { ")[-1], index + 1
            depth += 1
        elif character == "}":
            depth -= 1
            assert depth >= 0, "a brace is closed that was not opened"
            if not depth:
                found[name] = text[start:index]
    assert not depth, "a brace is not closed"
    return found


# Running


@attrs.frozen
class Job:
    """What came of a pipeline."""

    succeeded: bool
    runs: list[Ran]
    kept: dict[str, str]


def failed(step: Step, ran: Ran) -> bool:
    """Whether a job fails with a step."""
    return step.counts and ran.code != 0


def kept(step: Step, folder: Path) -> dict[str, str]:
    """The files that a step keeps; fails if one is missing."""
    return {name: (folder / name).read_text() for name in step.kept}
