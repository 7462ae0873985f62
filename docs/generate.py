"""Writes the pages that follow from code: ``python docs/generate.py``. A test proves them fresh."""  # noqa: INP001 - a script

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import click
import yaml

from kuberpult_cli import exits
from kuberpult_cli.answers import ANSWERS, TEXTS, Answer, schema
from kuberpult_cli.main import COMMANDS, SETTINGS, kuberpult
from kuberpult_core import (
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    KuberpultError,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
    command_data,
    commands,
    errors,
    names,
)
from kuberpult_core.codec import MAX_BATCH_BYTES, MAX_YAML_DEPTH
from kuberpult_core.config import EnvironmentConfig
from kuberpult_core.shapes import shapes

HERE = Path(__file__).parent
_MARK = "<!-- Written by docs/generate.py from {source}. Change that, then run it again. -->"


def pages() -> dict[str, str]:
    """Every generated page by its file's name."""
    return {
        "commands.md": commands_page(),
        "cli.md": cli_page(),
        "errors.md": errors_page(),
        "output.md": output_page(),
    }


def schemas() -> dict[str, str]:
    """Every JSON Schema by its file's name in ``docs/schemas``."""
    names = sorted({it for answer in ANSWERS.values() for it in _shapes_of(answer)} | {"error"})
    return {f"{name}.json": json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n" for name in names}


def main() -> None:
    """Write the pages beside this script."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
    for name, text in schemas().items():
        (HERE / "schemas" / name).write_text(text, encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---" for _ in header], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _page(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


# Commands as data

_COMMANDS_HEAD = f"""
`kuberpult batch FILE` carries out a file of commands: all of them or none, in one commit, each
seeing what the one before left. `FILE` is JSON or YAML; `-` is standard input. It holds a list of
commands, or an object with the one key `commands`. The log keeps every command in the same form,
with manifests by their id in git and their size.

```yaml
commands:
  - kind: Deploy
    environment: production
    application: cart
    version: 12
  - kind: CreateLock
    target: {{environment: production}}
    lock_id: weekend
    message: Nobody is here.
```

Each command is an object. Its `kind` says which one it is. What a command means is in
[rules.md](rules.md).

* Nothing is guessed. An unknown key is refused, and so is text where a number belongs: write
  `version: 12`, not `version: "12"`.
* An error names the place: `$.commands[1].version`.
* A field that has a default may be left out.
* A time is RFC 3339, such as `2026-01-31T12:00:00Z`. One without a zone is UTC.
* A file has at most {MAX_BATCH_BYTES // 2**20} MiB and {commands.MAX_COMMANDS:,} commands. In YAML, aliases are
  refused, and so is what is nested more than {MAX_YAML_DEPTH} deep.
* What names look like is in [layout.md](layout.md#names).
"""

_WORDS = {
    "allow_cascade": "Let Argo CD delete the workloads that go with it.",
    "application": "The application.",
    "commit": "A commit as git users name one (an id or its beginning, `HEAD~2`), or a time.",
    "config": "Its configuration, in the keys of [config.json](layout.md#configjson). Unknown keys are refused.",
    "display_version": "What people call it, up to 15 characters.",
    "environment": "The environment.",
    "expires_at": "When ExpireLocks may delete it. It holds until then, and until ExpireLocks runs.",
    "from_state": "Take what upstream had at this `revision`: a commit as git users name one, or a time.",
    "group_only": "Whether an environment of that name is left out of account.",
    "if_exists": "What to do when there is one: refuse, or put this configuration in place of its own.",
    "if_missing": "What to do when there is no such lock.",
    "ignore_locks": "Take it away although it is locked.",
    "link": "Where to read more.",
    "lock_behavior": "Wait for locks, go through them, or refuse (a train skips).",
    "lock_id": "The lock's id. The same one again on the same target replaces it.",
    "manifests": "The manifest of each environment that it can run on. At least one.",
    "message": "Why. Up to 1,000 characters.",
    "now": "Locks whose `expires_at` is at this time or before it are deleted.",
    "on_expiry": "What ExpireLocks does with what waits; none is to deploy it.",
    "patch": "The keys to change, as RFC 7396 says: what is not named stays, `null` takes a key away.",
    "queued": "What to do with what waited for the last lock.",
    "source_author": "Who made that commit.",
    "source_commit_id": "The commit that it was built from.",
    "source_message": "What that commit says.",
    "suggested_lifetime": "The Go tool's: kept and shown, never enforced.",
    "target": "What is locked.",
    "team": "The team.",
    "version": "The release's number.",
}
_WORDS_OF = {
    ("ReleaseTrain", "target"): "The environment of that name, else the group.",
    ("ReleaseTrain", "team"): "Only this team's applications.",
    ("CreateRelease", "version"): "Its number; none is the next one.",
    ("CreateRelease", "team"): "The team that the application belongs to from now on; none leaves it as it is.",
    ("SetTeam", "team"): "The team; `null` takes the application out of its team.",
    ("DeleteLock", "lock_id"): "The lock's id.",
    ("Target", "environment"): "The environment of that name, else the group.",
    ("Target", "group"): "A group only.",
    ("Target", "application"): "Only this application.",
    ("Target", "team"): "Only this team's applications.",
}
_TYPES: dict[object, str] = {
    bool: "`true` or `false`",
    datetime: "time",
    str: "text",
    names.ApplicationName: "application name",
    names.EnvironmentName: "environment name",
    names.GroupName: "group name",
    names.LockId: "lock id",
    names.TeamName: "team name",
    names.Version: "whole number from 1",
    EnvironmentConfig: "object",
    Target: "[target](#target)",
    UpstreamThen: "object with `revision`",
}
_MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: cart
"""
_EXAMPLES: tuple[Command, ...] = (
    Deploy("production", "cart", 12, "ignore"),
    CreateLock(
        Target("production", application="cart"),
        "bug-4711",
        "It loses items.",
        link="https://issues.example.com/4711",
        expires_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    ),
    DeleteLock(Target(group="eu"), "audit"),
    ExpireLocks(datetime(2026, 1, 31, 12, tzinfo=UTC)),
    CancelQueued("production", "cart"),
    ReleaseTrain("production", team="checkout"),
    Undo("HEAD"),
    CreateRelease("cart", {"staging": _MANIFEST}, version=12, source_message="Keep the cart for a week"),
    Cleanup("cart"),
    SetTeam("cart", "checkout"),
    CreateEnvironment("staging", {"upstream": {"environment": "development"}}),
    UpdateEnvironment("staging", {"environmentGroup": "eu"}),
    DeleteEnvironment("staging", allow_cascade=True),
    RemoveApplicationFromEnvironment("staging", "cart"),
    DeleteApplication("cart", ignore_locks=True),
    UpdateSettings({"keepReleases": 40}),
)


def commands_page() -> str:
    """Every command of a batch: fields, types, defaults, an example."""
    kinds = get_args(commands.SingleCommand)
    examples = {type(it): it for it in _EXAMPLES}
    return _page(
        "# Commands as data",
        _MARK.format(source="the classes in kuberpult_core.commands"),
        _COMMANDS_HEAD,
        table(("command", "what it does"), [(_link(kind.__name__), _says(kind)) for kind in kinds]),
        *(part for kind in kinds for part in _command(kind, examples[kind])),
        "## Target",
        "What a lock command addresses: exactly one of `environment` and `group`, and at most one of "
        "`application` and `team`.",
        _fields(Target),
    )


def _command(kind: type, example: Command) -> Iterator[str]:
    yield f"## {kind.__name__}"
    yield _says(kind)
    yield _fields(kind)
    plain = json.loads(json.dumps(command_data(example)))
    data = {"kind": plain.pop("kind"), **plain}
    yield f"```yaml\n{yaml.safe_dump([data], sort_keys=False, allow_unicode=True)}```"


def _says(kind: type) -> str:
    """What a class's docstring says first, without where the rules say it."""
    sentence = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return re.sub(r" \(rules\.md \d\)", "", " ".join(sentence.split())).replace("``", "`")


def _link(title: str) -> str:
    return f"[{title}](#{title.lower()})"


def _fields(kind: type) -> str:
    rows = [
        (
            f"`{field.name}`",
            _type(field.type),
            _default(field.default),
            _WORDS_OF.get((kind.__name__, field.name)) or _WORDS[field.name],
        )
        for field in attrs.fields(kind)
        if not field.metadata.get("past")
    ]
    return table(("field", "type", "default", "what it is"), rows)


def _type(annotation: Any) -> str:
    if annotation in _TYPES:
        return _TYPES[annotation]
    if type(None) in get_args(annotation):
        return _type(next(part for part in get_args(annotation) if part is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{choice.value}`" for choice in annotation)
    if get_origin(annotation) is Mapping:
        return "object" if get_args(annotation)[1] is Any else "object: environment name to text"
    raise TypeError(f"no words for the type {annotation}")


def _default(default: Any) -> str:
    if default is attrs.NOTHING:
        return "required"
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default.value}`" if isinstance(default, Enum) else "`{}`"


# The command line

_CLI_HEAD = """
`kuberpult NOUN VERB`: the words are those of [concepts.md](concepts.md), the rules those of
[rules.md](rules.md). `kuberpult COMMAND -h` prints what stands here.

## For every command

{shared}

They may stand before or after the command. Every option has a variable: `KUBERPULT_REPO` for
`--repo`, and with the command's name in it for the others, so `KUBERPULT_LOCK_CREATE_EXPIRES` for
`--expires` of `kuberpult lock create`. An option on the command line counts before its variable.

## What it prints

Data goes to standard output, everything else to standard error. A change prints one line for each
fact: its name, then what happened.

```text
deployment/staging/cart 12 → 13
queued/production/cart 13 waits for lock/production/freeze
lock/production/freeze deleted
```

| `-o` | what comes out |
| --- | --- |
| `table` | columns, or lines of facts |
| `wide` | more columns, nothing cut, and all that `kuberpult log` and `kuberpult verify` leave out |
| `json` | one document; of a change, the decision |
| `jsonl` | one object on a line: an item of a list, or a fact |
| `yaml` | the same as `json`, in YAML; of the log and of `kuberpult verify`, a document for each commit |
| `name` | names only, such as `deployment/staging/cart` or `commit/` and an id |
| `csv` | of `kuberpult log` only: a line for each change of a version |

`kuberpult log` and `kuberpult verify` print each commit as soon as it is read, in every form.

Commands that read a state take `--at REV|DATE` and answer as they would have answered then. `REV` is a
commit as git names one: its id or the beginning of it, a tag, a branch, `HEAD~2`. `DATE` is a date such as
`2026-01-31T18:00`, in UTC if it names no zone, or a span such as `4h` before now (`m`, `h`, `d`, `w`);
it stands for the commit that was published then. There is more in [history.md](history.md).

In JSON a decision has `commit`, `planned`, `facts`, `skips`, `warnings`, `cascades` and `notes`. The
commit is the one that says so, or of a plan the one that it was made on. Each fact has its `kind`, its
`name`, and in `words` the line that `table` prints. With `--diff` there is `manifests` besides: for each
manifest that changes, its `environment`, its `application` and the unified `diff`. `kuberpult train plan`
has `prognosis` besides: the `applications` with their `commits`, the `locks` and what they hold back, and
what is `skipped` by its reason. The shape of every answer is in [output.md](output.md).

Nothing to do is a success: exit code 0, and no commit.

With `--dry-run` the plan is the answer: skips and warnings come with the facts on standard output,
and nothing changes. `--diff` adds what it does to the manifests that Argo CD syncs, in a plan and after
a change. `--plan FILE` writes the plan for `kuberpult apply` and changes nothing. All of it is in
[plans.md](plans.md).

## Exit codes

{codes}

`kuberpult diff`, `kuberpult env diff`, `kuberpult release diff` and `kuberpult verify` compare, so for
them 0 is the same, 1 different and 3 failed. For `kuberpult doctor`, 0 is sound, 1 is broken somewhere
and 3 failed.

A failure prints `Error:` and one sentence, then `Hint:` and what to do next. With `-o json` or
`-o jsonl` it is one line of JSON on standard error instead: `type`, `code`, `title`, `detail`, `hint`,
`similar`, `facts`. Where a name is not there, the hint begins with the names that may have been meant. The
codes are in [errors.md](errors.md). A usage error of the command line itself has the code `usage`.
`--debug` adds the traceback.
"""
_CODES = {
    exits.DONE: "done, or nothing to do",
    exits.FAILED: "failed: the repository cannot be read or written, or a bug",
    exits.USAGE: "usage: an option, a name, a manifest or a configuration is wrong",
    exits.DENIED: "not allowed: by a policy, or by the server of a remote",
    exits.REFUSED: "refused by the rules: locked, unknown, …",
    exits.CONFLICT: "conflict: somebody else was faster; try again",
    exits.TOO_LATE: "waited too long for others; try again",
    exits.UNKNOWN: "the outcome is unknown: look before you repeat it",
    exits.INTERRUPTED: "interrupted",
}


def cli_page() -> str:
    """Every command of the click tree: usage, options, examples."""
    found = list(_leaves())
    codes = table(("code", "meaning"), [(str(code), words) for code, words in _CODES.items()])
    shared = _options(kuberpult, "kuberpult", [it for it in _options_of(kuberpult) if _is_shared(it)])
    return _page(
        "# The command line",
        _MARK.format(source="the commands in kuberpult_cli"),
        _CLI_HEAD.format(codes=codes, shared=shared),
        "## The commands",
        table(("command", "what it does"), [_index_row(name, it) for name, it in found]),
        *(part for name, it in found for part in _leaf(name, it)),
    )


def _leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    root = click.Context(kuberpult, **SETTINGS)
    for noun in COMMANDS:
        found = kuberpult.get_command(root, noun)
        if isinstance(found, click.Group):
            context = click.Context(found, **SETTINGS)
            for verb in found.list_commands(context):
                if leaf := found.get_command(context, verb):
                    yield f"kuberpult {noun} {verb}", leaf
        elif found:
            yield f"kuberpult {noun}", found


def _options_of(command: click.Command) -> list[click.Option]:
    return [it for it in command.params if isinstance(it, click.Option)]


def _is_shared(option: click.Option) -> bool:
    """Whether every command has it: the first one has, and so has the way in."""
    return all(
        option.opts in [it.opts for it in _options_of(command)] for command in (kuberpult, next(_leaves())[1])
    )


def _options(command: click.Command, name: str, options: list[click.Option]) -> str:
    context = click.Context(command, info_name=name, **SETTINGS)
    records = [record for it in options if (record := it.get_help_record(context))]
    rows = [(f"`{option.replace('|', chr(92) + '|')}`", text) for option, text in records]
    return table(("option", "meaning"), rows)


def _index_row(name: str, leaf: click.Command) -> tuple[str, str]:
    anchor = name.replace(" ", "-")
    return f"[`{name}`](#{anchor})", _help(leaf)[0].split("\n\n")[0]


def _leaf(name: str, leaf: click.Command) -> Iterator[str]:
    context = click.Context(leaf, info_name=name, **SETTINGS)
    text, examples = _help(leaf)
    yield f"### {name}"
    yield f"`{' '.join([name, *leaf.collect_usage_pieces(context)])}`"
    yield text
    own = [it for it in _options_of(leaf) if not _is_shared(it)]
    if own:
        yield _options(leaf, name, own)
    yield from examples


def _help(leaf: click.Command) -> tuple[str, list[str]]:
    """A command's help in words, and what it shows as it stands: its examples."""
    text, *shown = re.split(r"(?:\\b|\x08)\n", leaf.help or "")
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(filter(None, paragraphs)), [_example(it) for it in shown]


def _example(text: str) -> str:
    head, _, lines = textwrap.dedent(text).strip().partition("\n")
    language = "sh" if "kuberpult" in lines else "yaml"
    return f"{head}\n\n```{language}\n{textwrap.dedent(lines)}\n```"


# Errors

_ERRORS_HEAD = """
Everything that kuberpult raises on purpose is a `KuberpultError`. The class below it says what the
caller can do; the `code` is stable and says what happened. `str(error)` is the sentence, `error.hint`
what to do next, and the fields are the facts. Scripts compare codes and exit codes, never sentences.

On the command line a failure looks like this:

```text
Error: There is no environment 'nowhere'.
Hint: `kuberpult env list` names the environments, `kuberpult env create` makes one.
```

and for a slip, with a guess: ``Did you mean `staging`?`` And with `-o json` like this, on standard error:

```json
{
  "type": "urn:kuberpult:unknown_environment",
  "code": "unknown_environment",
  "title": "There is no environment 'nowhere'.",
  "detail": "There is no environment 'nowhere'.",
  "hint": "`kuberpult env list` names the environments, `kuberpult env create` makes one.",
  "similar": [],
  "facts": {"environment": "nowhere"}
}
```

In a batch, the sentence ends with where the fault lies: `(at commands[2])`. Words in *italics* stand for what
is filled in.
"""


def errors_page() -> str:
    """Every error: its code, class, exit code, sentence, hint and facts."""
    return _page(
        "# Errors",
        _MARK.format(source="the classes in kuberpult_core.errors"),
        _ERRORS_HEAD,
        *(
            part
            for root in KuberpultError.__subclasses__()
            if root.__module__ == errors.__name__
            for part in _family(root)
        ),
    )


def _code(kind: type[KuberpultError], root: type[KuberpultError]) -> str:
    own = exits.exit_code(kind.__new__(kind))
    return f"`{kind.code}`" if own == exits.exit_code(root()) else f"`{kind.code}` (exit code {own})"


def _family(root: type[KuberpultError]) -> Iterator[str]:
    yield f"## {root.__name__}: exit code {exits.exit_code(root())}"
    yield _says(root)
    members = [it for it in vars(errors).values() if _is_below(it, root)]
    if not members:
        yield "Nothing is raised as this yet."
        return
    rows = [
        (
            _code(it, root),
            f"`{it.__name__}`",
            _template(it.words),
            _template(it.advice),
            ", ".join(f"`{field.name}`" for field in attrs.fields(it)),
        )
        for it in members
    ]
    yield table(("code", "class", "sentence", "hint", "facts"), rows)


def _is_below(found: object, root: type[KuberpultError]) -> bool:
    return isinstance(found, type) and issubclass(found, root) and found is not root


def _template(text: str) -> str:
    """The words of an error with the facts in italics, or in angle brackets where code is quoted."""
    filled = r"\{(\w+)(?:![rs])?(?::[^}]*)?\}"
    parts = text.split("`")
    return "`".join(re.sub(filled, r"<\1>" if index % 2 else r"*\1*", part) for index, part in enumerate(parts))


# The shapes of answers

_OUTPUT_HEAD = """
Every command has one shape for programs, the same in `-o json`, `-o jsonl` and `-o yaml`. Every key is
always there: what there is none of is `null` or an empty list. A later version may add keys; it takes none
away. Each shape is a JSON Schema in [schemas](schemas), and a test runs every command and refuses a key
that is missing here, or one too many. Times are RFC 3339 in UTC.

| `-o` | for |
| --- | --- |
| `json` | one document |
| `jsonl` | a line for each item of a list; of a change, for each fact |
| `yaml` | the same as `json`; of `kuberpult log` and `kuberpult verify`, a document for each commit |
| `name` | a line for each thing: its kind, a slash and its name, such as `lock/production/freeze` |
| `table` | people: columns that fit the terminal, 80 where nobody knows its width; what is too long ends in `…` |
| `wide` | people: more columns, and nothing is cut |
| `csv` | spreadsheets: `kuberpult log` only |

Only the answer is on standard output, so it can be piped as it is:

```sh
kuberpult queue list -o json | jq -r '.[] | select(.environment == "production") | .application'
kuberpult lock list -o name
kuberpult undo "$(kuberpult log -n 1 -o name)" --dry-run
```

A failure in `-o json` and `-o jsonl` is one line on standard error in the shape of an [error](#error); its
`code` is stable and its words are not. `similar` has the names that may have been meant.

## Colours

People at a terminal get a few: what is deployed is green, locks and what waits are yellow, errors and
what is gone are red, and differences are as git shows them. There are none in `json`, `jsonl`, `yaml`,
`name` and `csv`, and none in a pipe. `--no-color`, `NO_COLOR`, `CLICOLOR=0` and `TERM=dumb` turn them off;
`FORCE_COLOR` and `CLICOLOR_FORCE` turn them on where there is no terminal. `--no-color` and `NO_COLOR` win.
"""


def output_page() -> str:
    """Every command's shape, and every shape."""
    known = shapes()
    rows = [(f"`kuberpult {' '.join(path)}`", _answer_words(answer)) for path, answer in ANSWERS.items()]
    rows += [(f"`kuberpult {' '.join(path)}`", words) for path, words in TEXTS.items()]
    return _page(
        "# Answers for programs",
        _MARK.format(source="kuberpult_core.shapes and kuberpult_cli.answers"),
        _OUTPUT_HEAD,
        "## What each command answers",
        table(("command", "answer"), rows),
        "## The shapes",
        *(part for name, shape in known.items() for part in _shape(name, shape)),
    )


def _shapes_of(answer: Answer) -> list[str]:
    return [it for it in (answer.shape, answer.variant) if it]


def _answer_words(answer: Answer) -> str:
    words = f"a list: {_shape_link(answer.shape)}" if answer.is_list else _shape_link(answer.shape)
    if answer.variant:
        words += f"; with `{answer.variant_of.split(',')[0]}` {_shape_link(answer.variant)}"
        words += ", as a list" if "as a list" in answer.variant_of else ""
    return words


def _shape_link(name: str) -> str:
    return f"[{name}](#{name})"


def _shape(name: str, shape: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    in_file = f" ([schema](schemas/{name}.json))" if f"{name}.json" in schemas() else ""
    yield f"{shape['description']}{in_file}"
    if name in ("told_fact", "bare_fact"):
        yield "The keys are those of a [fact](#fact), but for `cause`: " + (
            "why, in words, or `null`; every kind has it." if name == "told_fact" else "no kind has it."
        )
    elif "oneOf" in shape:
        for kind in shape["oneOf"]:
            yield f"**`{kind['title']}`**: {kind['description'].replace('``', '`')}"
            yield _keys(kind)
    else:
        yield _keys(shape)


def _keys(shape: Mapping[str, Any]) -> str:
    return table(("key", "type", "what it is"), list(_key_rows(shape, "")))


def _key_rows(shape: Mapping[str, Any], above: str) -> Iterator[tuple[str, str, str]]:
    for key, value in shape["properties"].items():
        words = str(value.get("description", "")).replace("docs/", "").strip()
        yield f"`{above}{key}`", _kind(value), words
        inner, mark = _inner(value)
        if inner:
            yield from _key_rows(inner, f"{above}{key}{mark}.")


def _inner(value: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The object that a value is or is a list of, if it has no name of its own."""
    if "anyOf" in value:
        return _inner(value["anyOf"][0])
    if value.get("type") == "array":
        return _inner(value["items"])[0], "[]"
    return (value if "properties" in value else None), ""


def _kind(value: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one for each kind
    match value:
        case {"$ref": target}:
            return _shape_link(target.rpartition("/")[2])
        case {"anyOf": [*kinds]}:
            return " or ".join(map(_kind, kinds))
        case {"const": word}:
            return f"`{word}`"
        case {"enum": [*words]}:
            return ", ".join(f"`{word}`" for word in words)
        case {"type": "array", "items": item}:
            return f"list of {_kind(item)}"
        case {"type": "object", "additionalProperties": dict() as item}:
            return f"object: name to {_kind(item)}"
        case {"format": "date-time"}:
            return "time"
        case {"type": kind}:
            return {"string": "text", "integer": "whole number", "null": "`null`"}.get(kind, kind)
    raise TypeError(f"no words for {value}")


if __name__ == "__main__":
    main()
