"""Large fetches, limits, what a server says of its branches, and telling somebody how far it is."""

import os
import shutil
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from dulwich.object_format import SHA1
from dulwich.pack import PackChunkGenerator, UnpackedObject

from kuberpult_core.git.remote import indexing, sizes, wire
from kuberpult_core.git.remote.indexing import keep_large_pack
from kuberpult_core.git.remote.progress import Progress, size
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Branches, Failed, Fetched, LostRace, Pushed, Refused, Why
from kuberpult_core.git.remote.server import _why
from kuberpult_core.git.remote.sizes import check_sizes
from kuberpult_core.git.remote.wire import Limit
from kuberpult_core.ports import ObjectId
from tests.real import git, leftovers, listed
from tests.servers import LOCALHOST, alone
from tests.sites import MAIN, Servers, Site, push, served, site_of

KINDS = ("file", "git", "http")
SOME = {f"apps/service-{number:03}/version": f"{number}\n" for number in range(300)}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with served(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


@pytest.fixture
def site(servers: Servers, tmp_path: Path) -> Iterator[Site]:
    with site_of(servers, tmp_path) as site:
        yield site


@pytest.fixture
def by_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pack be large enough for git."""
    monkeypatch.setattr(indexing, "MANY", 1)


# Large packs


@pytest.mark.usefixtures("by_git")
def test_git_indexes_a_large_pack_if_it_is_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = site.foreign(SOME)
    by_hand: list[object] = []
    monkeypatch.setattr("kuberpult_core.git.remote.server.keep_pack", lambda *it: by_hand.append(it))
    fetched = site.remote().fetch(MAIN, None)
    assert by_hand == []
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert fetched.pack
    git(site.local, "verify-pack", str(fetched.pack))
    git(site.local, "update-ref", "refs/heads/main", tip)
    assert listed(site.local) == listed(site.server)
    assert site.store.commit(tip).parent is None
    site.assert_sound()


@pytest.mark.usefixtures("by_git")
def test_git_completes_a_thin_pack(site: Site) -> None:
    site.pushed(SOME)
    have = site.store.head().commit
    git(site.server, "config", "repack.writeBitmaps", "false")
    tip = site.foreign({"apps/service-007/version": "foreign\n"})
    fetched = site.remote().fetch(MAIN, have)
    assert isinstance(fetched, Fetched)
    git(site.local, "update-ref", "refs/heads/main", tip)
    assert listed(site.local) == listed(site.server)
    site.assert_sound()


@pytest.mark.usefixtures("by_git")
def test_without_git_a_large_pack_is_indexed_here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = site.foreign(SOME)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    fetched = site.remote().fetch(MAIN, None)
    assert isinstance(fetched, Fetched)
    git(site.local, "update-ref", "refs/heads/main", tip)
    assert listed(site.local) == listed(site.server)
    site.assert_sound()


def test_few_objects_are_not_worth_a_program(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.foreign({"a": "1\n"})
    monkeypatch.setattr(subprocess, "run", None)
    assert isinstance(site.remote().fetch(MAIN, None), Fetched)


def pack_of(*records: UnpackedObject) -> bytes:
    return b"".join(PackChunkGenerator(SHA1, len(records), iter(records)))


BLOB = UnpackedObject(3, sha=bytes(20), decomp_chunks=[b"content"])
COMMIT = UnpackedObject(
    1,
    sha=bytes(20),
    decomp_chunks=[b"tree " + b"7" * 40 + b"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n"],
)
LEANS = UnpackedObject(7, sha=bytes(20), delta_base=bytes(range(20)), decomp_chunks=[b"\x07\x07\x90\x07"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pack_of(BLOB), "does not send the commit"),
        (pack_of(), "does not send the commit|nothing in it"),
        (pack_of(BLOB)[:-1] + b"x", "damaged"),
        (pack_of(BLOB)[:30], "damaged"),
        (pack_of(LEANS), "damaged"),
        (pack_of(COMMIT), "damaged"),
        (b"", "damaged"),
        (b"no pack at all, but long enough for one", "damaged"),
    ],
    ids=["another", "empty", "other-sum", "cut", "leaning", "tree-missing", "nothing", "no-pack"],
)
def test_a_pack_that_git_does_not_take_is_not_kept(
    site: Site, tmp_path: Path, content: bytes, reason: str
) -> None:
    before = set(site.local.rglob("*"))
    with (tmp_path / "pack").open("w+b") as file:
        file.write(content)
        with pytest.raises(Unacceptable, match=reason):
            keep_large_pack(site.local / "objects" / "pack", file, ObjectId("5" * 40), Limit(10, 10))
    assert set(site.local.rglob("*")) == before


@pytest.mark.usefixtures("by_git")
def test_git_has_to_be_done_in_time_and_takes_no_more_memory_than_it_may(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.foreign({"a": "0" * 30_000_000})
    before = set(site.local.rglob("*"))
    monkeypatch.setattr(indexing, "_MEMORY", 20_000)
    result = site.remote().fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.DAMAGED
    monkeypatch.undo()
    monkeypatch.setattr(indexing, "MANY", 1)
    monkeypatch.setattr(indexing, "_COMMAND", "sleep 10")
    with (site.local / "objects" / "pack" / "tmp_pack_x").open("w+b") as file, pytest.raises(TimeoutError):
        keep_large_pack(site.local / "objects" / "pack", file, ObjectId("5" * 40), Limit(10, 0.1))
    (site.local / "objects" / "pack" / "tmp_pack_x").unlink()
    assert set(site.local.rglob("*")) == before


@pytest.mark.usefixtures("by_git")
def test_settings_of_the_repository_here_are_not_gits_while_it_indexes(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = site.foreign(SOME)
    git(site.local, "config", "extensions.partialClone", "elsewhere")
    git(site.local, "config", "remote.elsewhere.url", f"ext::touch {tmp_path}/run")
    monkeypatch.setenv("GIT_DIR", str(site.local))
    fetched = site.remote().fetch(MAIN, None)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert not (tmp_path / "run").exists()
    assert leftovers(site.local) == []


# Sizes


def test_the_sizes_of_a_pack_are_those_that_git_knows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        site.foreign({**SOME, "large": f"{number}" + "large\n" * 1000})
    pack = next((site.server / "objects" / "pack").glob("*.pack"))
    described = [row.split() for row in git(site.server, "verify-pack", "-v", str(pack)).splitlines()]
    assert {len(row) for row in described} >= {5, 7}  # whole ones, and differences
    told = git(site.server, "cat-file", "--batch-all-objects", "--batch-check=%(objectsize)").split()
    largest = max(int(it) for it in told)
    monkeypatch.setattr(sizes, "LARGEST", largest)
    check_sizes(pack)
    monkeypatch.setattr(sizes, "LARGEST", largest - 1)
    with pytest.raises(Unacceptable, match=f"{largest:,} bytes") as raised:
        check_sizes(pack)
    assert raised.value.why is Why.TOO_LARGE


def _indexed(folder: Path, content: bytes, offset: int) -> Path:
    (folder / "x.pack").write_bytes(content)
    fan = b"".join((1).to_bytes(4) for _ in range(256))
    (folder / "x.idx").write_bytes(b"\xfftOc\0\0\0\2" + fan + bytes(24) + offset.to_bytes(4))
    return folder / "x.pack"


@pytest.mark.parametrize("before", [b"", b"\0\0\0\xff\xff" * 200])
def test_the_sizes_of_a_difference_are_found_wherever_they_are(tmp_path: Path, before: bytes) -> None:
    delta = b"\x07" + b"\xff\xff\xff\xff\x7f" + b"\x90\x07"
    deflated = zlib.compress(delta, 0)
    packed = deflated[:2] + before + deflated[2:]
    head = bytes([0x70 | len(delta)]) + bytes(20)
    with pytest.raises(Unacceptable, match="34,359,738,367 bytes"):
        check_sizes(_indexed(tmp_path, head + packed, 0))


def test_a_difference_that_makes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unacceptable, match="makes nothing"):
        check_sizes(_indexed(tmp_path, b"\x71" + bytes(20) + zlib.compress(b"\xff"), 0))


@pytest.mark.usefixtures("by_git")
def test_git_takes_nothing_that_is_larger_than_allowed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.foreign({"a": "x" * 5000})
    before = set(site.local.rglob("*"))
    monkeypatch.setattr(sizes, "LARGEST", 4000)
    result = site.remote().fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.TOO_LARGE
    assert set(site.local.rglob("*")) == before


# Limits


def _babble(listener: socket.socket) -> None:
    """A server that names branches without end."""
    with suppress(OSError), listener.accept()[0] as client:
        client.recv(65536)
        number = 0
        while True:
            rows = [b"%040x refs/heads/%020d\n" % (row, row) for row in range(number, number + 1000)]
            number += 1000
            client.sendall(b"".join(b"%04x%b" % (len(row) + 4, row) for row in rows))


def test_a_server_that_does_not_stop_talking_is_hung_up_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_MOST_ASIDE", 1_000_000)
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        thread = threading.Thread(target=_babble, args=(listener,))
        thread.start()
        result = site.at(f"git://{LOCALHOST}:{listener.getsockname()[1]}/x.git").branches()
        thread.join()
    assert isinstance(result, Failed)
    assert result.why is Why.TOO_LARGE


def test_what_a_pack_holds_does_not_count_as_talk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.foreign({"a": os.urandom(300_000).hex()})
    monkeypatch.setattr(wire, "_MOST_ASIDE", 100_000)
    for kind in KINDS:
        fetched = site.remote(kind).fetch(MAIN, None)
        assert isinstance(fetched, Fetched)


def speak_of_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers on this machine speak the first version of git's protocol."""
    original = wire.abroad
    name = "kuberpult_core.git.remote.clients.abroad"
    monkeypatch.setattr(name, lambda **_: original(GIT_PROTOCOL="version=0"))


@pytest.mark.parametrize("kind", [*KINDS, "old"])
def test_a_server_whose_history_is_cut_off_is_not_fetched_from(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "old":
        speak_of_old(monkeypatch)
        kind = "file"
    for number in range(3):
        site.foreign({"a": f"{number}\n"})
    shallow = site.server.with_name(f"shallow-{site.server.name}")
    git(site.server.parent, "clone", "--quiet", "--bare", "--depth=1", f"file://{site.server}", shallow.name)
    before = set(site.local.rglob("*"))
    result = site.at(site.servers.url(kind, shallow)).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.SHALLOW
    assert set(site.local.rglob("*")) == before


# Branches


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_says_where_its_branches_are_and_which_is_its_default(site: Site, kind: str) -> None:
    remote = site.remote(kind)
    assert remote.branches() == Branches(b"refs/heads/main", {})
    assert remote.default_branch() is None
    tip = site.foreign({"a": "1\n"})
    git(site.server, "update-ref", "refs/heads/team/other", tip)
    git(site.server, "tag", "v1", tip)
    git(site.server, "symbolic-ref", "HEAD", "refs/heads/team/other")
    assert remote.branches() == Branches(b"refs/heads/team/other", {MAIN: tip, b"refs/heads/team/other": tip})
    assert remote.default_branch() == b"refs/heads/team/other"
    git(site.server, "update-ref", "--no-deref", "HEAD", tip)
    assert remote.default_branch() is None


def test_a_server_of_old_says_it_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = site.foreign({"a": "1\n"})
    speak_of_old(monkeypatch)
    assert site.remote().branches() == Branches(b"refs/heads/main", {MAIN: tip})
    assert site.remote().fetch(MAIN, None) != Fetched(None, None)


def test_who_cannot_be_asked_is_told(site: Site) -> None:
    missing = site.at(site.servers.url("file", Path("missing.git")))
    for result in (missing.branches(), missing.default_branch()):
        assert isinstance(result, Failed)
        assert result.why is Why.NO_REPOSITORY


# Refusals


def test_a_branch_that_somebody_has_locked_is_a_lost_race(site: Site) -> None:
    first = site.pushed({"a": "1\n"})
    change = site.change({"a": "2\n"})
    (site.server / "refs" / "heads" / "main.lock").touch()
    assert push(site.remote(), change) == LostRace(first.new)
    (site.server / "refs" / "heads" / "main.lock").unlink()
    assert push(site.remote(), change) == Pushed(change.new)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("error: GH006: Protected branch update failed for refs/heads/main.", Why.PROTECTED),
        ("fatal: write error: No space left on device", Why.HOOK),
        ("no deployments on Fridays", Why.HOOK),
    ],
)
def test_a_hooks_words_say_why(site: Site, words: str, why: Why) -> None:
    site.hook("pre-receive", f"echo '{words}' >&2; exit 1")
    result = push(site.remote(), site.change({"a": "1\n"}))
    assert isinstance(result, Refused)
    assert result.why is why


def test_a_server_that_takes_no_more_than_so_much_is_told(site: Site) -> None:
    git(site.server, "config", "receive.maxInputSize", "10")
    result = push(site.remote(), site.change({"a": "1\n"}))
    assert isinstance(result, Refused)
    assert result.why is Why.TOO_LARGE


def test_a_branch_that_cannot_be_beside_another_is_refused_and_no_race(site: Site) -> None:
    site.foreign({"a": "1\n"})
    change = site.change({"b": "1\n"})
    result = site.remote().push(b"refs/heads/main/below", None, change.new, change.objects)
    assert isinstance(result, Refused)


@pytest.mark.parametrize("reason", ["unpacker error", "unpack index-pack abnormal exit"])
def test_a_server_without_room_is_told(reason: str) -> None:
    assert _why(reason, "fatal: write error: No space left on device") is Why.SERVER_FULL


def test_a_place_that_cannot_be_written_is_told(site: Site) -> None:
    site.foreign({"a": "1\n"})
    packs = site.local / "objects" / "pack"
    shutil.rmtree(packs)
    packs.write_text("in the way")
    result = site.remote().fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.DISK


# Progress


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_hears_how_far_it_is(site: Site, kind: str) -> None:
    heard: list[str] = []
    change = site.change(SOME)
    result = site.remote(kind).push(MAIN, change.old, change.new, change.objects, heard.append)
    assert result == Pushed(change.new)
    assert any(it.startswith(f"Sending {len(change.ids)} objects: ") for it in heard)
    site.foreign({"b": "1\n"})
    heard.clear()
    assert isinstance(site.remote(kind).fetch(MAIN, None, heard.append), Fetched)
    assert any(it.startswith("remote: ") for it in heard)
    phases = [it.split()[0] for it in heard if not it.startswith("remote")]
    assert list(dict.fromkeys(phases)) == ["Receiving", "Indexing"]
    assert all(it.isprintable() for it in heard)


def test_a_listener_that_fails_is_no_reason_to_fail(site: Site) -> None:
    calls: list[str] = []

    def fails(line: str) -> None:
        calls.append(line)
        raise OSError("the terminal is gone")

    change = site.change({"a": "1\n"})
    assert site.remote().push(MAIN, None, change.new, change.objects, fails) == Pushed(change.new)
    assert len(calls) == 1


def test_lines_are_whole_safe_and_not_too_many() -> None:
    heard: list[str] = []
    progress = Progress(heard.append, lambda text: text.replace("secret", "…"))
    for part in (b"Counting objects:  1% (1/100)\rCounting ", b"objects: 2%\r", b"\x1b[31mred secret\nrest"):
        progress.hear(part)
    assert heard == ["remote: Counting objects:  1% (1/100)", "remote: \\x1b[31mred …"]
    progress.hear(b"x" * 10_000 + b"\n")
    assert len(heard[-1]) <= 200


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (2_500_000, "2.5 MB"), (7 * 10**12, "7000.0 GB")],
)
def test_sizes_are_told_for_people(number: int, text: str) -> None:
    assert size(number) == text
