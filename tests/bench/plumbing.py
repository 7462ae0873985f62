"""What kuberpult is compared with: git itself, told to do the very same thing."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from kuberpult_core import layout
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.ports import NewObject, ObjectId
from kuberpult_core.stamp import Actor
from tests.bench.fastimport import git


def head_of(folder: Path) -> str:
    """The commit that main is at."""
    return git(folder, "rev-parse", "refs/heads/main").decode().strip()


def listing(folder: Path) -> list[str]:
    """The command that reads every tree."""
    return ["git", "-C", str(folder), "ls-tree", "-r", "-t", "HEAD"]


def deploy(
    folder: Path, environment: EnvironmentName, application: ApplicationName, version: Version, by: Actor
) -> None:
    """One deployment as a script does it: hash-object for each file, mktree for each folder, and so on."""
    place = layout.placement_folder(environment, application)
    old = head_of(folder)
    manifest = git(folder, "rev-parse", f"{old}:{layout.release_manifest(application, version, environment)}")
    files = {
        layout.VERSION: layout.link_to(application, version),
        "deployed_by": by.name,
        "deployed_by_email": by.email,
        "deployed_at_utc": "2026-02-03 04:05:06 +0000 UTC",
    }
    rows = {name: _row(folder, name, text) for name, text in files.items()}
    inner = _tree(folder, {layout.MANIFEST: f"100644 blob {manifest.decode().strip()}"})
    tree = _tree(folder, {**_rows(folder, f"{old}:{place}"), **rows, "manifests": f"040000 tree {inner}"})
    parent = place
    while parent:
        parent, _, name = parent.rpartition("/")
        tree = _tree(folder, {**_rows(folder, f"{old}:{parent}"), name: f"040000 tree {tree}"})
    who = ["-c", f"user.name={by.name}", "-c", f"user.email={by.email}"]
    new = git(folder, *who, "commit-tree", tree, "-p", old, "-m", f"Deploy {application}").decode().strip()
    git(folder, "update-ref", "refs/heads/main", new, old)


def _row(folder: Path, name: str, text: str) -> str:
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=text.encode()).decode().strip()
    return f"{'120000' if name == layout.VERSION else '100644'} blob {blob}"


def _rows(folder: Path, tree: str) -> dict[str, str]:
    lines = git(folder, "ls-tree", tree).decode().splitlines()
    return {name: row for row, _, name in (line.partition("\t") for line in lines)}


def _tree(folder: Path, rows: Mapping[str, str]) -> str:
    text = "".join(f"{row}\t{name}\n" for name, row in rows.items())
    return git(folder, "mktree", stdin=text.encode()).decode().strip()


def stream_of(folder: Path, commits: Sequence[str]) -> bytes:
    """What ``git fast-import`` is told to make *commits*, a chain, once more: their messages and changes.

    Manifests are named only: they lie in the releases already.
    """
    changes = {commit: list(_changed(folder, commit)) for commit in commits}
    new = {
        it.blob: number
        for number, it in enumerate((it for found in changes.values() for it in found if it.is_new), start=1)
    }
    contents = _contents(folder, list(new))
    blobs = [b"blob\nmark :%d\ndata %d\n%b\n" % (new[it], len(text), text) for it, text in contents.items()]
    parts = [b"reset refs/heads/main\nfrom refs/heads/main^0\n\n", *blobs]
    for commit, found in changes.items():
        message = git(folder, "log", "-1", "--format=%B", commit)
        head = b"commit refs/heads/main\ncommitter B <b@example.com> 1770000000 +0000\ndata %d\n%b"
        parts += [head % (len(message), message), *(it.line(new) for it in found), b"\n"]
    return b"".join(parts)


@attrs.frozen
class _Changed:
    """A file that a commit changed; without a mode it is gone."""

    mode: str
    blob: str
    path: str

    @property
    def is_new(self) -> bool:
        return bool(self.mode) and not self.path.endswith(f"/{layout.MANIFEST}")

    def line(self, marks: Mapping[str, int]) -> bytes:
        if not self.mode:
            return f"D {self.path}\n".encode()
        name = f":{marks[self.blob]}" if self.blob in marks else self.blob
        return f"M {self.mode} {name} {self.path}\n".encode()


def _contents(folder: Path, blobs: Sequence[str]) -> dict[str, bytes]:
    said = git(folder, "cat-file", "--batch", stdin="".join(f"{it}\n" for it in blobs).encode())
    found, at = {}, 0
    for blob in blobs:
        end = said.index(b"\n", at)
        length = int(said[at:end].split()[2])
        found[blob] = said[end + 1 : end + 1 + length]
        at = end + length + 2
    return found


def _changed(folder: Path, commit: str) -> Iterator[_Changed]:
    text = git(folder, "diff-tree", "-r", "--no-renames", "--no-commit-id", commit).decode()
    for line in text.splitlines():
        fields, _, path = line.partition("\t")
        _, mode, _, blob, kind = fields.split(" ")
        yield _Changed("" if kind == "D" else mode, blob, path)


def fast_import(folder: Path, stream: Path) -> None:
    """Let git carry out a stream."""
    with stream.open("rb") as source:
        subprocess.run(["git", "-C", str(folder), "fast-import", "--quiet"], stdin=source, check=True)


def changed_trees(folder: Path, commit: str) -> int:
    """How many folders a commit had to write anew, the root among them."""
    lines = git(folder, "diff-tree", "-r", "-t", "--no-commit-id", commit).decode().splitlines()
    return 1 + sum(1 for line in lines if line.split(" ")[1] == "040000")


def packs_of(folder: Path) -> list[Path]:
    """The packs that there are."""
    return sorted((folder / "objects" / "pack").glob("pack-*.pack"))


def trees_in(folder: Path, pack: Path) -> int:
    """How many folders lie in a pack."""
    lines = git(folder, "verify-pack", "-v", str(pack)).decode().splitlines()
    return sum(1 for line in lines if line[41:45] == "tree")


def new_objects(folder: Path, old: str, new: str) -> list[NewObject]:
    """All that the commit *new* needs and *old* does not."""
    rows = git(folder, "rev-list", "--objects", new, f"^{old}").decode().splitlines()
    ids = [row.split(" ")[0] for row in rows]
    kinds = git(folder, "cat-file", "--batch-check=%(objecttype)", stdin="".join(f"{it}\n" for it in ids).encode())
    contents = _contents(folder, ids)
    return [
        NewObject(kind, ObjectId(it), contents[it]) for it, kind in zip(ids, kinds.decode().split(), strict=True)
    ]
