"""Writes session.md by typing it: ``python docs/session.py``. A test proves it fresh, ids and times aside."""  # noqa: INP001 - a script

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from kuberpult_cli import exits
from kuberpult_cli.main import kuberpult

PAGE = Path(__file__).parent / "session.md"
_HEAD = """\
# A session

<!-- Written by docs/session.py, which types it. Change that, then run it again. -->

What somebody types who brings a release to production, and what comes back. The repository is the one
that `kuberpult demo demo` makes; everything below has been typed by [session.py](session.py).
"""
STORY = (
    (
        "A build hands in a release. Development follows the newest one, so it is there at once.",
        "release create cart --manifests demo/builds/cart/3 --display-version 1.3.0",
    ),
    ("Nothing may change in production until Friday.", 'lock create production --id audit -m "Until Friday"'),
    (
        "Staging is not locked. To production, the deployment waits.",
        "train run staging",
        "deploy cart production 3",
    ),
    ("What would go out if the lock went?", "lock delete production audit --dry-run"),
    ("Just that. So away with the lock.", "lock delete production audit"),
    (
        "What else is on staging and not in production? The plan has a reason for each that stays as it is.",
        "train plan production --team shop",
    ),
    ("One application, then.", "train run production --team shop"),
    ("How has `cart` got there?", "why cart production", "log -n 2"),
    ("That was a mistake: the train goes back, and nothing else does.", "undo HEAD"),
    ("So this is what is where.", "overview --app '[cs]*'"),
)
"""What is said, and what is typed."""


def recorded(folder: Path) -> str:
    """The page, typed anew in an empty *folder*."""
    with _at_home(folder):
        _typed("demo demo -o name")
        os.environ["KUBERPULT_REPO"] = "demo/manifests.git"
        return "\n".join([_HEAD, *map(_told, _first(STORY))])


def _first(story: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, ...]]:
    """The story; the first command comes after the one that names the repository."""
    (words, *commands), *others = story
    yield words, "export KUBERPULT_REPO=demo/manifests.git", *commands
    yield from others


def _told(step: tuple[str, ...]) -> str:
    words, *commands = step
    shown = "".join(_shown(command) for command in commands)
    return f"{words}\n\n```console\n{shown}```\n"


def _shown(command: str) -> str:
    if command.startswith("export "):
        return f"$ {command}\n"
    return f"$ kuberpult {command}\n{_typed(command)}"


def _typed(command: str) -> str:
    """What comes on both streams when somebody types that."""
    said = io.BytesIO()
    with io.TextIOWrapper(said, "utf-8", write_through=True) as stream:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = exits.guarded(kuberpult, shlex.split(command))
        if code != exits.DONE:
            raise SystemExit(f"kuberpult {command} ended with {code}")
        return said.getvalue().decode()


@contextlib.contextmanager
def _at_home(folder: Path) -> Iterator[None]:
    """In *folder*, as Ada, with nothing else of this machine's."""
    before: Mapping[str, str] = dict(os.environ)
    for name in [it for it in before if it.startswith(("KUBERPULT_", "GIT_")) or "COLOR" in it]:
        del os.environ[name]
    os.environ.update(KUBERPULT_AUTHOR="Ada <ada@example.com>", COLUMNS="80")
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def shape(text: str) -> str:
    """*text* without what is another each time: times and ids."""
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|\b(?:[0-9a-f]{40}|[0-9a-f]{12})\b", "", text)


def main() -> None:
    """Write the page, unless it says the same already."""
    with tempfile.TemporaryDirectory() as folder:
        text = recorded(Path(folder))
    if not PAGE.exists() or shape(PAGE.read_text(encoding="utf-8")) != shape(text):
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
