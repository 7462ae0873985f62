"""Answers for programs: every command's JSON has the shape that is written down, and no other key."""

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]  # its types are another package
import pytest
import yaml

from kuberpult_cli.answers import ANSWERS, TEXTS, Answer, schema
from kuberpult_core.shapes import shapes
from tests.cli import Desk, leaves, new_desk
from tests.test_cli import CHANGES, READS

LEAVES = leaves()
MORE = """
    init new.git
    init new.git --url https://git.example.com/new.git
    demo shop
    stats
    stats --since 5w --env staging
    settings set --keep-releases 20
    env update staging --group early --dry-run
    env list --at first-train
    env diff staging staging
    env diff staging production --manifests
    release show cart 1 --manifest staging
    release create cart --manifests builds --commit c0ffee --display-version 4.0 --team shop
    app remove cart staging --ignore-locks --allow-cascade
    app delete cart --ignore-locks --allow-cascade
    deploy cart production 1 --ignore-locks
    deploy cart canary 3
    deploy cart staging 1 --ignore-locks --dry-run
    lock create production --id freeze --message Replaced --expires 4h --on-expiry discard
    lock create --group live --id audit --message Audit
    lock delete production freeze --dry-run
    train plan production
    train run live
    train run staging --from-state tested
    overview --at first-train
    overview --repo foreign.git
    app list --repo foreign.git
    app show cart --repo foreign.git
    release show cart 1 --repo foreign.git
    lock list --repo foreign.git
    queue list --repo foreign.git
    env list --repo foreign.git
    doctor --repo foreign.git
    log --repo foreign.git
    log -n 0
    log --env production --app cart
    verify --repo foreign.git
    diff empty all --manifests --repo foreign.git
    diff first-train --manifests
    why cart canary
    why cart production --repo foreign.git
    undo search-on-staging --allow-cascade
    undo first-train --dry-run
    train plan live --ignore-locks --diff
    deploy cart production 2 --ignore-locks --diff
    deploy cart production 2 --diff
    app remove cart staging --ignore-locks --allow-cascade --diff --dry-run
    apply lock.plan.json
    apply lock.plan.json --dry-run --diff
    token create --tokens tokens --role ci --expires 90d
    token list --tokens tokens
    token revoke --tokens tokens jobs
"""
CASES = [*CHANGES, *READS, *(line.split() for line in MORE.strip().splitlines())]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = new_desk(tmp_path)
    made = desk.run("token", "create", "--tokens", "tokens", "--role", "ci", "--name", "jobs")
    assert made.code == 0, made.err
    return desk


def path_of(words: list[str]) -> tuple[str, ...]:
    return next(path for path in LEAVES if tuple(words[: len(path)]) == path)


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema(name), format_checker=checker)


def named(answer: Answer, words: list[str]) -> tuple[str, bool]:
    """The shape of what these words answer, and whether a list of them comes."""
    if answer.variant and answer.variant_of.split()[0].rstrip(",") in words:
        return answer.variant, answer.is_list or "as a list" in answer.variant_of
    return answer.shape, answer.is_list


def check(name: str, data: Any) -> None:
    problem = jsonschema.exceptions.best_match(validator(name).iter_errors(data))
    assert problem is None, f"{problem.message} at {problem.json_path}"


@pytest.mark.parametrize("words", CASES, ids=" ".join)
def test_what_a_command_answers_has_its_shape(desk: Desk, words: list[str]) -> None:
    answer = ANSWERS[path_of(words)]
    name, is_list = named(answer, words)
    ran = desk.run(*words, "-o", "json")
    assert ran.code in (0, 1), ran.err
    data = json.loads(ran.out)
    for item in data if is_list else [data]:
        check(name, item)
    assert isinstance(data, list) is is_list


@pytest.mark.parametrize("words", [*READS, ["train", "plan", "staging"], ["demo", "shop"]], ids=" ".join)
def test_a_line_of_jsonl_has_the_shape_of_an_item(desk: Desk, words: list[str]) -> None:
    answer = ANSWERS[path_of(words)]
    for line in desk.run(*words, "-o", "jsonl").out.splitlines():
        check(answer.line or named(answer, words)[0], json.loads(line))


@pytest.mark.parametrize("words", [["log"], ["verify"]], ids=" ".join)
def test_a_stream_in_yaml_is_a_document_for_each_item(desk: Desk, words: list[str]) -> None:
    documents = list(yaml.safe_load_all(desk.run(*words, "-o", "yaml").out))
    assert len(documents) > 1
    for data in documents:
        check(ANSWERS[path_of(words)].shape, data)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_a_shape_and_is_tried(path: tuple[str, ...]) -> None:
    assert path in ANSWERS or path in TEXTS, "say in kuberpult_cli.answers what it answers"
    assert path in TEXTS or path in {path_of(words) for words in CASES}


def test_no_shape_is_of_a_command_that_there_is_not() -> None:
    assert {*ANSWERS, *TEXTS} == set(LEAVES)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_fails_in_the_shape_of_a_problem(desk: Desk, path: tuple[str, ...]) -> None:
    for words in ([*path, "--nothing"], [*path, *(3 * ["Nothing"]), "more"]):
        ran = desk.run(*words, "-o", "json")
        ran = ran if ran.err.startswith("{") else desk.run("-o", "json", *words)
        assert (ran.code, ran.out) == (2, "")
        check("error", json.loads(ran.err))


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "golden" / "errors").glob("*.txt")), ids=str)
def test_every_refusal_has_the_shape_of_a_problem(desk: Desk, file: Path) -> None:
    typed = [line.removeprefix("$ kuberpult ") for line in file.read_text().splitlines() if line.startswith("$ ")]
    told = [desk.run(*shlex.split(line)).err for line in typed]
    check("error", json.loads(told[-1]))
    assert json.loads(told[-1])["code"] == file.stem


# The shapes themselves


def objects(part: Any) -> list[dict[str, Any]]:
    found = [part] if isinstance(part, dict) and "properties" in part else []
    below = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [*found, *(it for value in below for it in objects(value))]


def test_every_shape_is_a_schema_and_every_object_is_closed_and_whole() -> None:
    for name, shape in shapes().items():
        jsonschema.Draft202012Validator.check_schema(schema(name))
        for it in objects(shape):
            assert it["additionalProperties"] is False
            assert it["required"] == list(it["properties"])


def test_every_shape_is_used() -> None:
    used = {it for answer in ANSWERS.values() for it in (answer.shape, answer.variant, answer.line) if it}
    needed = {it for name in {*used, "error"} for it in schema(name)["$defs"]}
    of_the_service = {"matrix", "cell", "placements", "deployment", "release_places", "environments_difference"}
    of_the_service |= {"placed", "holds", "held", "held_lock", "since", "whole_commit"}
    assert set(shapes()) - used - needed == {"error"} | of_the_service


def test_a_shape_refuses_a_key_that_it_does_not_know_and_misses_one_that_it_does() -> None:
    fine = {"path": "a", "reason": "b"}
    check("problem", fine)
    for wrong in ({**fine, "more": 1}, {"path": "a"}, {**fine, "path": 1}):
        assert not validator("problem").is_valid(wrong)


# Names


@pytest.mark.parametrize("words", [words for words in CASES if path_of(words) not in TEXTS], ids=" ".join)
def test_names_are_a_kind_and_a_name_and_nothing_else(desk: Desk, words: list[str]) -> None:
    kinds = "application|commit|deployment|environment|lock|manifest|problem|queued|release|repository|token"
    ran = desk.run(*words, "-o", "name")
    assert ran.code in (0, 1)
    checker = jsonschema.Draft202012Validator({"pattern": rf"^(({kinds})/\S.*|settings(/\w+)?)$"})
    assert all(checker.is_valid(line) for line in ran.out.splitlines())


def test_a_commit_is_understood_by_the_name_that_is_given_to_it(desk: Desk) -> None:
    newest = desk.run("log", "-n", "1", "-o", "name").out.strip()
    assert newest.startswith("commit/")
    assert desk.run("undo", newest, "--dry-run").code == 0
    assert desk.run("overview", "--at", newest).code == 0
