"""Publishing to other servers: real ones, which accept, refuse, are elsewhere, or are cut off."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Thread

import attrs
import pytest
from dulwich.object_format import SHA1
from dulwich.pack import PackChunkGenerator, UnpackedObject, UnresolvedDeltas, apply_delta
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.errors import InvalidRemote
from kuberpult_core.git.remote import sizes
from kuberpult_core.git.remote.delta import delta
from kuberpult_core.git.remote.location import SCHEMES, location_of, shown
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.received import keep_pack
from kuberpult_core.git.remote.results import (
    Failed,
    Fetched,
    LostRace,
    OutcomeUnknown,
    Pushed,
    Refused,
)
from kuberpult_core.git.remote.wire import Limit
from kuberpult_core.ports import ObjectId
from tests.real import git, listed
from tests.servers import LOCALHOST, Relay, alone, relayed
from tests.sites import MAIN, Change, Servers, Site, push, served, site_of

KINDS = ("file", "git", "http")
MANY = {f"apps/service-{number:04}/version": f"{number}\n" for number in range(1500)}
"""Enough for a folder of which a push must not send all."""


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


def objects_in(repository: Path) -> set[str]:
    rows = git(repository, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(rows.split())


# Pushing


@pytest.mark.parametrize("kind", KINDS)
def test_a_push_to_an_empty_server_and_one_after_it_send_just_what_was_made(site: Site, kind: str) -> None:
    for texts in ({"a": "1\n", "folder/b": "2\n"}, {"folder/b": "3\n"}):
        change, before = site.change(texts), objects_in(site.server)
        assert push(site.remote(kind), change) == Pushed(change.new)
        assert site.tip == change.new
        assert objects_in(site.server) - before == change.ids
    site.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_large_arrives_whole(site: Site, kind: str) -> None:
    change = site.change({"large": Random(1).randbytes(1_500_000).hex()})
    assert push(site.remote(kind), change) == Pushed(change.new)
    site.assert_sound()


def test_very_many_folders_of_one_push_are_sent_as_differences_too(site: Site) -> None:
    site.pushed(MANY)
    change = site.change({f"apps/service-{number:04}/version": "new\n" for number in range(0, 1500, 30)})
    with relayed(site.servers.git_port) as relay:
        assert push(site.through(relay), change) == Pushed(change.new)
        assert relay.objects == len(change.ids)
        assert len(relay.up) < 8000
    site.assert_sound()


def test_several_commits_go_in_one_push(site: Site) -> None:
    first = site.pushed(MANY)
    changes = [site.change({f"apps/service-{number:04}/version": "new\n"}) for number in range(5)]
    objects = [it for change in changes for it in change.objects]
    assert site.remote().push(MAIN, first.new, changes[-1].new, objects) == Pushed(changes[-1].new)
    assert git(site.server, "rev-list", "--count", "main") == "6"
    assert listed(site.server) == listed(site.local)
    site.assert_sound()


def test_a_push_sends_an_object_once_and_of_a_large_folder_only_what_differs(site: Site) -> None:
    site.pushed(MANY)
    change = site.change({"apps/service-0700/version": "new\n", "apps/service-0701/version": "new\n"})
    assert max(len(it.content) for it in change.objects) > 50_000
    with relayed(site.servers.git_port) as relay:
        again = attrs.evolve(change, objects=[*change.objects, *change.objects])
        assert push(site.through(relay), again) == Pushed(change.new)
        assert relay.objects == len(change.ids)
        assert len(relay.up) < 3000
    site.assert_sound()


class _WithoutThinPacks(Relay):
    """The server seems to say that it cannot complete packs, as servers other than git do."""

    def passes_down(self, data: bytes) -> bytes:
        return super().passes_down(data.replace(b" delete-refs ", b" no-thin     "))


def test_a_server_that_takes_no_thin_packs_gets_whole_folders(site: Site) -> None:
    site.pushed(MANY)
    change = site.change({"apps/service-0700/version": "new\n"})
    with relayed(site.servers.git_port, _WithoutThinPacks()) as relay:
        assert push(site.through(relay), change) == Pushed(change.new)
        assert b"no-thin" in relay.down
        assert len(relay.up) > 30_000
    site.assert_sound()


def test_an_entry_more_or_less_in_a_large_folder_is_sent_as_a_difference(site: Site) -> None:
    site.pushed(MANY)
    change = site.change({"apps/service-0700b/version": "new\n"})
    with relayed(site.servers.git_port) as relay:
        assert push(site.through(relay), change) == Pushed(change.new)
        assert len(relay.up) < 3000
    site.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_elsewhere_is_a_lost_race_and_gets_nothing(site: Site, kind: str) -> None:
    site.pushed({"a": "1\n"})
    change = site.change({"a": "2\n"})
    foreign = site.foreign({"b": "1\n"})
    before = objects_in(site.server)
    assert push(site.remote(kind), change) == LostRace(foreign)
    assert (site.tip, objects_in(site.server)) == (foreign, before)


def test_a_branch_that_is_there_or_gone_against_all_expectation_is_a_lost_race(site: Site) -> None:
    first = site.pushed({"a": "1\n"})
    change = site.change({"a": "2\n"})
    assert push(site.remote(), attrs.evolve(change, old=None)) == LostRace(first.new)
    git(site.server, "update-ref", "-d", "refs/heads/main")
    assert push(site.remote(), change) == LostRace(None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_branch_that_moves_while_the_push_is_on_its_way_is_a_lost_race(site: Site, kind: str) -> None:
    site.pushed({"a": "1\n"})
    change = site.change({"a": "2\n"})
    foreign = site.foreign({"b": "1\n"})
    git(site.server, "update-ref", "refs/heads/main", str(change.old))
    site.hook("update", f"git update-ref refs/heads/main {foreign}")
    assert push(site.remote(kind), change) == LostRace(foreign)
    assert site.tip == foreign


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("hook", "reason"), [("pre-receive", "pre-receive hook declined"), ("update", "hook declined")]
)
def test_a_hook_refuses_with_its_words_made_safe(site: Site, kind: str, hook: str, reason: str) -> None:
    site.pushed({"a": "1\n"})
    change = site.change({"a": "2\n"})
    site.hook(hook, r"cat > /dev/null; printf 'not on \033[31mFridays\nask Ada\n' >&2; exit 1")
    result = push(site.remote(kind), change)
    assert isinstance(result, Refused)
    assert result.reason == reason
    assert result.words.splitlines()[:2] == ["not on ?[31mFridays", "ask Ada"]
    assert site.tip == change.old


def test_words_of_a_hook_are_bounded(site: Site) -> None:
    site.hook("pre-receive", f"i=0; while [ $i -lt 300 ]; do echo {'x' * 300} $i >&2; i=$((i+1)); done; exit 1")
    result = push(site.remote(), site.change({"a": "1\n"}))
    assert isinstance(result, Refused)
    assert len(result.words.splitlines()) <= 10
    assert max(map(len, result.words.splitlines())) <= 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_cannot_use_what_was_sent_refuses(site: Site, kind: str) -> None:
    change = site.change({"a": "1\n", "b/c": "2\n"})
    blobs_missing = [it for it in change.objects if it.kind != "blob"]
    result = push(site.remote(kind), attrs.evolve(change, objects=blobs_missing))
    assert isinstance(result, Refused)
    git(site.server, "config", "receive.fsckObjects", "true")
    git(site.server, "config", "receive.fsck.missingEmail", "error")
    content = change.objects[-1].content.replace(b"<", b"")
    assert content != change.objects[-1].content
    objects = [*change.objects[:-1], attrs.evolve(change.objects[-1], content=content)]
    result = push(site.remote(kind), attrs.evolve(change, objects=objects))
    assert isinstance(result, Refused)
    assert "unpack" in result.reason
    assert site.tip == ""


# Cut off


def test_wherever_the_line_is_cut_a_push_tells_the_truth(site: Site) -> None:
    site.pushed({"a": "0\n"})
    seen = set()
    with relayed(site.servers.git_port) as relay:
        change = site.change({"a": "1\n"})
        assert push(site.through(relay), change) == Pushed(change.new)
        up, down = len(relay.up), len(relay.down)
    cuts = [(most, None) for most in range(10, up, 61)] + [(None, most) for most in range(0, down, 61)]
    for number, (most_up, most_down) in enumerate(cuts):
        with relayed(site.servers.git_port, Relay(most_up, most_down)) as relay:
            change = site.change({"a": f"{number}, again\n"})
            result = push(site.through(relay), change)
        seen.add(type(result))
        if isinstance(result, OutcomeUnknown):
            assert result.commit == change.new
            _settled(site, change)
        assert isinstance(result, Failed | OutcomeUnknown)
        if isinstance(result, Failed):
            assert site.tip == change.old
            git(site.local, "update-ref", "refs/heads/main", str(change.old))
    assert seen == {Failed, OutcomeUnknown}
    site.assert_sound()


def _settled(site: Site, change: Change) -> None:
    """What a caller does who does not know: ask."""
    fetched = site.remote().fetch(MAIN, change.old)
    assert isinstance(fetched, Fetched)
    if fetched.tip == change.old:  # so far; who was cut off may still be at work
        result = push(site.remote(), change)
        assert result in (Pushed(change.new), LostRace(change.new))
    assert site.tip == change.new


def test_a_server_that_goes_before_all_was_sent_cannot_have_it(site: Site) -> None:
    change = site.change({"large": Random(1).randbytes(8_000_000).hex()})
    with relayed(site.servers.git_port, Relay(most_up=1000)) as relay:
        result = push(site.through(relay), change)
    assert isinstance(result, Failed)
    assert site.tip == ""


def test_a_server_that_goes_after_all_was_sent_leaves_it_open(site: Site) -> None:
    change = site.change({"a": "1\n"})
    with relayed(site.servers.git_port, Relay(is_mute=True)) as relay:
        result = push(site.through(relay), change)
    assert isinstance(result, OutcomeUnknown)
    assert result.commit == change.new
    assert result.reason.endswith(".")


def _answer_without_words(listener: socket.socket) -> None:
    """A server that takes a push and ends politely, without a word about the branch."""
    server = listener.accept()[0]
    with server:
        greeting = b"0" * 40 + b" capabilities^{}\0report-status side-band-64k ofs-delta\n"
        server.sendall(b"%04x%b0000" % (len(greeting) + 4, greeting))
        server.settimeout(0.2)
        with suppress(TimeoutError):
            while server.recv(65536):
                pass
        server.sendall(b"0000")


def test_a_server_that_does_not_mention_the_branch_has_not_said_yes(site: Site) -> None:
    change = site.change({"a": "1\n"})
    with socket.create_server((LOCALHOST, 0)) as listener:
        server = Thread(target=_answer_without_words, args=(listener,))
        server.start()
        result = push(site.at(f"git://{LOCALHOST}:{listener.getsockname()[1]}/x.git"), change)
        server.join()
    assert isinstance(result, OutcomeUnknown)
    assert result.reason.endswith("has not said what came of the push.")


def test_a_web_server_that_does_it_and_says_nothing_leaves_it_open(site: Site) -> None:
    change = site.change({"a": "1\n"})
    url = f"http://{LOCALHOST}:{site.servers.http_port}/mute/{site.server.name}"
    result = push(site.at(url), change)
    assert isinstance(result, OutcomeUnknown)
    assert site.tip == change.new


def test_a_web_server_that_forbids_it_refuses(site: Site) -> None:
    change = site.change({"a": "1\n"})
    url = f"http://{LOCALHOST}:{site.servers.http_port}/forbidding/{site.server.name}"
    result = push(site.at(url), change)
    assert isinstance(result, Refused)
    assert "403" in result.reason


def test_a_web_server_that_has_moved_is_followed_but_takes_no_push_elsewhere(site: Site) -> None:
    change = site.change({"a": "1\n"})
    moved, bouncing = (
        site.at(f"http://{LOCALHOST}:{site.servers.http_port}/{way}/{site.server.name}")
        for way in ("moved", "bouncing")
    )
    result = push(bouncing, change)
    assert isinstance(result, Refused)
    assert "307" in result.reason
    assert site.tip == ""
    assert push(moved, change) == Pushed(change.new)


def test_a_server_that_keeps_silent_is_not_waited_for(site: Site) -> None:
    change = site.change({"a": "1\n"})
    with socket.create_server((LOCALHOST, 0)) as silent:
        for scheme in ("git", "http"):
            url = f"{scheme}://{LOCALHOST}:{silent.getsockname()[1]}/x.git"
            result = push(site.at(url, step=0.1), change)
            assert isinstance(result, Failed)
            assert "timed out" in result.reason
            assert isinstance(site.at(url, step=0.1).fetch(MAIN, None), Failed)


def test_a_hook_that_takes_too_long_leaves_it_open(site: Site) -> None:
    site.hook("pre-receive", "exec sleep 2")
    result = push(site.remote("git", step=0.3), site.change({"a": "1\n"}))
    assert isinstance(result, OutcomeUnknown)


def test_a_proxy_that_cannot_be_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "nonsense://proxy")
    assert isinstance(push(site.remote("http"), site.change({"a": "1\n"})), Failed)
    assert isinstance(site.remote("http").fetch(MAIN, None), Failed)


def test_a_limit_holds_for_all_waits_together() -> None:
    assert Limit(1, 10).seconds() == 1
    assert Limit(10, 1).seconds() <= 1
    with pytest.raises(TimeoutError, match="more than 0 seconds"):
        Limit(1, 0).seconds()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_the_repository_gets_nothing(site: Site, kind: str) -> None:
    change = site.change({"a": "1\n"})
    missing = site.at(site.servers.url(kind, Path("missing.git")))
    for result in (push(missing, change), missing.fetch(MAIN, None)):
        assert isinstance(result, Failed)
        assert result.reason.endswith(".")
        assert "missing.git" in result.reason
        assert result.reason.isprintable()


# Fetching


@pytest.mark.parametrize("kind", KINDS)
def test_what_somebody_else_committed_is_fetched_as_one_small_pack(site: Site, kind: str) -> None:
    site.pushed(MANY)
    have, before = site.store.head().commit, objects_in(site.local)
    site.foreign({"apps/service-0700/version": "foreign\n"})
    tip = site.foreign({"other": "1\n"})
    fetched = site.remote(kind).fetch(MAIN, have)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert objects_in(site.local) - before == objects_in(site.server) - before
    assert fetched.pack
    git(site.local, "verify-pack", str(fetched.pack))
    git(site.local, "update-ref", "refs/heads/main", tip)
    assert listed(site.local) == listed(site.server)
    site.assert_sound()
    assert site.remote(kind).fetch(MAIN, tip) == Fetched(tip, None)


def test_a_thin_pack_is_completed_from_what_is_here(site: Site) -> None:
    site.pushed(MANY)
    have = site.store.head().commit
    git(site.server, "config", "repack.writeBitmaps", "false")  # with them, git sends what lies there
    site.foreign({"apps/service-0700/version": "foreign\n"})
    with relayed(site.servers.git_port) as relay:
        fetched = site.through(relay).fetch(MAIN, have)
        assert len(relay.down) < 3000
    assert isinstance(fetched, Fetched)
    assert fetched.pack
    rows = git(site.local, "verify-pack", "-v", str(fetched.pack)).splitlines()
    assert [row for row in rows if row[41:45] == "tree" and len(row.split()) == 7]
    site.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_fetched_of_a_server_with_which_nothing_is_shared(site: Site, kind: str) -> None:
    tip = site.foreign(MANY)
    fetched = site.remote(kind).fetch(MAIN, None)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert objects_in(site.local) == objects_in(site.server)
    git(site.local, "update-ref", "refs/heads/main", tip)
    site.assert_sound()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_the_branch_has_nothing_to_fetch(site: Site, kind: str) -> None:
    assert site.remote(kind).fetch(MAIN, None) == Fetched(None, None)
    site.pushed({"a": "1\n"})
    git(site.server, "update-ref", "refs/heads/main-2", site.tip)
    git(site.server, "update-ref", "-d", "refs/heads/main")
    assert site.remote(kind).fetch(MAIN, site.store.head().commit) == Fetched(None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_branch_that_was_pushed_by_force_is_fetched_as_it_is_now(site: Site, kind: str) -> None:
    first = site.pushed({"a": "1\n"})
    gone = site.pushed({"a": "2\n"})
    git(site.server, "update-ref", "refs/heads/main", first.new)
    tip = site.foreign({"a": "3\n"})
    change = site.change({"a": "4\n"})
    assert push(site.remote(kind), change) == LostRace(tip)
    fetched = site.remote(kind).fetch(MAIN, gone.new)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert site.store.commit(tip).parent == first.new
    site.assert_sound()


def test_more_than_is_wanted_is_not_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.foreign({"a": "x" * 5000})
    before = set(site.local.rglob("*"))
    result = site.remote(most=100).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert "more than is taken" in result.reason
    monkeypatch.setattr(sizes, "LARGEST", 4000)
    result = site.remote().fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert "5,000 bytes" in result.reason
    assert set(site.local.rglob("*")) == before


def test_wherever_the_line_is_cut_a_fetch_brings_all_or_nothing(site: Site) -> None:
    site.pushed({"a": "0\n"})
    site.foreign({"a": "1\n", "b/c": "2\n"})
    have, before = site.store.head().commit, set(site.local.rglob("*"))
    for most in range(0, 100_000, 97):
        with relayed(site.servers.git_port, Relay(most_down=most)) as relay:
            result = site.through(relay).fetch(MAIN, have)
        if isinstance(result, Fetched):
            break
        assert set(site.local.rglob("*")) == before
    assert most > 500
    assert objects_in(site.local) == objects_in(site.server)
    site.assert_sound()


def _pack(*records: UnpackedObject) -> bytes:
    return b"".join(PackChunkGenerator(SHA1, len(records), iter(records)))


def _resigned(content: bytes) -> bytes:
    return content + hashlib.sha1(content).digest()


BLOB = UnpackedObject(3, sha=bytes(20), decomp_chunks=[b"content"])
HUGE = UnpackedObject(
    7, sha=bytes(20), delta_base=bytes(range(20)), decomp_chunks=[b"\x07\xff\xff\xff\xff\x7f\x91\x07"]
)
LEANS = UnpackedObject(7, sha=bytes(20), delta_base=bytes(range(20)), decomp_chunks=[b"\x07\x07\x90\x07"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_pack(BLOB), "does not send the commit"),
        (_pack(BLOB)[:-1] + b"x", "damaged"),
        (_pack(BLOB)[:30], "damaged"),
        (_resigned(_pack(BLOB)[:-20] + b"more"), "damaged"),
        (_pack(HUGE), "file of 34,359,738,367 bytes"),
        (_pack(LEANS), "000102030405"),
        (b"", "beyond file length"),
        (b"no pack at all, but long enough for one", "damaged"),
    ],
    ids=["another", "other-sum", "cut", "longer", "huge", "leaning", "nothing", "no-pack"],
)
def test_a_pack_that_is_not_what_it_should_be_is_not_kept(
    site: Site, tmp_path: Path, content: bytes, reason: str
) -> None:
    before = set(site.local.rglob("*"))
    with (tmp_path / "pack").open("w+b") as file:
        file.write(content)
        with pytest.raises((Unacceptable, AssertionError, UnresolvedDeltas), match=reason):
            keep_pack(site.local / "objects" / "pack", file, site.store.objects, ObjectId("5" * 40))
    assert set(site.local.rglob("*")) == before


# Programs and URLs


def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Let *script* stand in for a program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("form", ["ssh://somebody@host.example:2222{path}", "somebody@host.example:{path}"])
def test_ssh_is_told_where_to_go_and_what_to_run(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    told = tmp_path / "told"
    _program(tmp_path, monkeypatch, "ssh", f'echo "$*" >> {told}; for last; do :; done; exec sh -c "$last"')
    change, remote = site.change({"a": "1\n"}), site.at(form.format(path=site.server))
    assert push(remote, change) == Pushed(change.new)
    assert remote.fetch(MAIN, None) == Fetched(change.new, None)
    assert all("somebody@host.example git-" in line for line in told.read_text().splitlines())


def test_what_a_program_complains_about_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, monkeypatch, "ssh", "echo 'Permission denied (publickey).' >&2; exit 255")
    result = push(site.at("ssh://host.example/x.git"), site.change({"a": "1\n"}))
    assert isinstance(result, Failed)
    assert "Permission denied (publickey)" in result.reason


def test_a_push_from_within_a_hook_of_another_repository_goes_where_it_should(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(site.local))
    monkeypatch.setenv("GIT_QUARANTINE_PATH", str(site.local))
    change = site.change({"a": "1\n"})
    assert push(site.remote(), change) == Pushed(change.new)
    monkeypatch.undo()
    assert site.tip == change.new


@pytest.mark.parametrize(
    "url",
    [
        "",
        "manifests.git",
        "/srv/manifests.git",
        "ext::sh -c id",
        "ftp://host/x",
        "git://",
        "git://host",
        "file://host/x",
        "git://-oProxyCommand=id/x",
        "ssh://-x@host/y",
        "-x@host:y",
        "http://host:port/x",
        "http://[::1/x",
        "git://host/x\n",
        "git://host/%00x",
        "host:-path",
        "fd::17/x",
        "https://host/x.git?private=1",
    ],
)
def test_what_is_no_url_of_a_git_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidRemote, match="cannot be used"):
        location_of(url, SCHEMES)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://ada:secret@host.example:8443/x.git", "https://host.example:8443/x.git"),
        ("https://token@host.example/x.git?key=secret#secret", "https://host.example/x.git"),
        ("ssh://git:secret@host.example/x.git", "ssh://git@host.example/x.git"),
        ("git@host.example:team/x.git", "git@host.example:team/x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        ("git://host/\x1b[31m", "git://host/\\x1b[31m"),
        ("https://ada:sec/ret@host.example/x", "https://…"),
        ("secret", "…"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(url: str, safe: str) -> None:
    assert shown(url) == safe


@given(
    st.text("aZ0%:/?#@[] é\x1b", min_size=8),
    st.sampled_from(["https://ada:{}@host/x", "https://{}@host/x", "https://host/x?k={}"]),
)
def test_no_secret_is_ever_shown(secret: str, form: str) -> None:
    assert secret not in shown(form.format(secret))


# Differences


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A folder's content and what became of it: ids changed, entries added and removed."""
    random = Random(draw(st.integers(0, 2**32)))
    rows = [b"40000 %d\0" % number + random.randbytes(20) for number in range(draw(st.integers(0, 300)))]
    old = b"".join(rows)
    for _ in range(draw(st.integers(0, 5))):
        at = random.randrange(len(rows) + 1)
        rows[at : at + draw(st.integers(0, 1))] = [b"40000 x\0" + random.randbytes(20)] * draw(st.integers(0, 1))
    for at in draw(st.lists(st.integers(0, max(0, len(rows) - 1)), max_size=20)):
        if rows:
            rows[at] = rows[at][:-20] + random.randbytes(20)
    return old, b"".join(rows)


@given(versions())
def test_a_difference_makes_the_new_of_the_old(pair: tuple[bytes, bytes]) -> None:
    old, new = pair
    made = delta(old, new)
    if made is not None:
        assert b"".join(apply_delta(old, made)) == new
        assert 2 * len(made) < len(new)


def test_a_difference_of_a_large_folder_is_small() -> None:
    random = Random(1)
    rows = [b"40000 service-%05d\0" % number + random.randbytes(20) for number in range(10_000)]
    old = b"".join(rows)
    for number in range(0, 10_000, 100):
        rows[number] = rows[number][:-20] + random.randbytes(20)
    new = b"".join(rows)
    made = delta(old, new)
    assert made is not None
    assert len(made) < 100 * 40
    assert b"".join(apply_delta(old, made)) == new
