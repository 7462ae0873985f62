"""Verify: every commit is proven, foreign or different, and whatever was tampered with is found."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kuberpult_core import (
    Batch,
    Command,
    CreateEnvironment,
    CreateRelease,
    DeleteApplication,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    Repository,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
    decide,
    memory_repository,
    state_of,
)
from kuberpult_core.codec import command_from_log, logged_command
from kuberpult_core.decision import Decision
from kuberpult_core.editing import edited
from kuberpult_core.journal import COMMITTER, MAX_COMMAND, message, recorded
from kuberpult_core.past import log
from kuberpult_core.past.looking_back import facts_of_commit
from kuberpult_core.past.replay import Different, Foreign, OtherRules, Proven, Verdict, verdict
from kuberpult_core.ports import FILE, FOLDER, LINK, LoggedCommit, ObjectId, Objects
from kuberpult_core.stamp import Stamp
from kuberpult_core.tree import find
from kuberpult_core.words import summary
from tests import rules, strategies
from tests.law_support import carry_out, damaged
from tests.rules import ADA, ARGOCD, BOB, NOON, URL, World, deploys, environment, lock, release, releases, unlock
from tests.strategies import Damage, History, Step, damages, histories
from tests.support import EXECUTABLE, File, commit_by_hand, files_of, git_repository, keep, objects_for

FEW = settings(max_examples=max(5, settings().max_examples // 3))
BROKEN = settings(max_examples=max(5, settings().max_examples // 4))


def verdicts(repository: Repository) -> list[Verdict]:
    """What the replay says of each commit."""
    return judged(repository.store.objects, repository.store.log())


def judged(objects: Objects, commits: Iterable[LoggedCommit]) -> list[Verdict]:
    """What the replay says of each of *commits*, oldest first."""
    before, found = None, []
    for commit in commits:
        found.append(verdict(objects, commit, before))
        before = commit.tree
    return found


def given_history(repository: Repository, history: History, *, undone: bool = False) -> list[LoggedCommit]:
    """The commits of *history*, each undone as well, if it is wished, and undone again."""
    for step in history:
        came_of_it = carry_out(repository, step)
        if undone and isinstance(came_of_it, Decision) and not came_of_it.is_nothing:
            for _ in range(2):
                carry_out(repository, Step(Undo("HEAD", allow_cascade=True), step.stamp))
    return list(repository.store.log())


# Random histories


def test_what_came_and_went_within_one_command_is_proven() -> None:
    with memory_repository() as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        batch = CreateRelease("cart", {"dev": "kind: Pod\n"}), CreateEnvironment("new"), DeleteApplication("cart")
        repository.apply(Batch(batch), ADA, NOON)
        assert [type(it) for it in verdicts(repository)] == [Proven, Proven]


@given(histories(6))
def test_any_history_is_proven_and_foreign_commits_in_between_are_foreign(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            carry_out(repository, step)
            files = files_of(repository.store.objects, repository.store.head().tree)
            commit_by_hand(repository, {**files, "README.md": File(str(len(files)).encode())})
            if any("/version" in path for path in files):
                carry_out(repository, strategies.Step(repository.plan(Undo("HEAD~1", True)).command, step.stamp))
        for it in verdicts(repository):
            expected = Proven if it.commit.committer == COMMITTER else Foreign
            assert isinstance(it, expected), it


@given(histories(6), st.integers(1, 5), st.sampled_from(strategies.ENVIRONMENTS))
def test_trains_from_the_past_are_proven_too(history: History, back: int, target: str) -> None:
    with memory_repository() as repository:
        given_history(repository, history)
        train = ReleaseTrain(target, from_state=UpstreamThen(f"HEAD~{back}"))
        carry_out(repository, Step(train, Stamp(NOON, ADA)))
        assert all(isinstance(it, Proven) for it in verdicts(repository))


# Tampering: one commit is bad, and all that follow are made anew on top of it


def replanted(objects: Objects, commits: list[LoggedCommit], place: int, bad: LoggedCommit) -> list[LoggedCommit]:
    """*commits* with *bad* at *place*, and with those after it as they would be on top of it."""
    chain = [*commits[:place], bad]
    for commit in commits[place + 1 :]:
        made = _made_anew(objects, chain[-1], commit)
        chain.extend([made] if made else [])
    return chain


def _made_anew(objects: Objects, before: LoggedCommit, commit: LoggedCommit) -> LoggedCommit | None:
    state = state_of(objects, before.tree)
    try:
        decision = decide(state, recorded(commit.message).command)
        tree, new = edited(objects, before.tree, state, decision, Stamp(commit.time, commit.author))
    except KuberpultError:
        return None
    keep(objects, new)
    return None if decision.is_nothing else attrs.evolve(commit, tree=tree, message=message(decision))


def check_found(objects: Objects, chain: list[LoggedCommit], place: int) -> Different:
    """Only the commit at *place* is different; what is said of it."""
    found = judged(objects, chain)
    assert [number for number, it in enumerate(found) if not isinstance(it, Proven)] == [place]
    bad = found[place]
    assert isinstance(bad, Different)
    return bad


NEW_PATHS = (
    "README.md",
    "kuberpult.json",
    "applications/cart/team",
    "applications/cart/releases/9/environments/dev/manifests.yaml",
    "environments/dev/applications/cart/queued_version",
    "environments/dev/applications/cart/version",
    "environments/dev/locks/zz",
    "environments/new/config.json",
    "argocd/v1alpha1/dev.yaml",
    "environments/staging/applications/cart/deployed_by",
    "\udcff",
)
CONTENTS = (b"", b"{}", b"x", b"../../../../applications/cart/releases/1")
MODES = (FILE, LINK, EXECUTABLE)
entries = st.none() | st.builds(File, st.sampled_from(CONTENTS), st.sampled_from(MODES))


def tampered(files: dict[str, File], path: str, file: File | None) -> dict[str, File]:
    """*files* with another one at *path*, or none."""
    rest = {name: it for name, it in files.items() if name != path}
    return rest if file is None else {**rest, path: file}


@FEW
@given(histories(4), st.data())
def test_any_changed_entry_of_any_tree_is_found_where_it_is(history: History, data: st.DataObject) -> None:
    with memory_repository() as repository:
        commits, store = (
            given_history(repository, history, undone=data.draw(st.booleans())),
            repository.store.objects,
        )
        assume(commits)
        place = data.draw(st.integers(0, len(commits) - 1))
        files = files_of(store, commits[place].tree)
        path = data.draw(st.sampled_from([*sorted(files), *NEW_PATHS]))
        file = data.draw(entries)
        assume(files.get(path) != file)
        assume(not any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in files))
        tree, new = objects_for(tampered(files, path, file))
        keep(store, new)
        chain = replanted(store, commits, place, attrs.evolve(commits[place], tree=tree))
        assert check_found(store, chain, place).path == path


@FEW
@given(histories(4), st.data())
def test_a_changed_command_is_found_where_its_decision_differs(history: History, data: st.DataObject) -> None:
    """Another command may come to the very same: a lock behavior where no lock is, for one. That is proven."""
    with memory_repository() as repository:
        commits = given_history(repository, history, undone=data.draw(st.booleans()))
        assume(commits)
        objects = repository.store.objects
        place = data.draw(st.integers(0, len(commits) - 1))
        commit = commits[place]
        command = recorded(commit.message).command
        others = st.sampled_from([recorded(it.message).command for it in commits])
        other = _as_logged(data.draw(st.one_of(strategies.commands, others, _near(command))))
        assume(other != command)
        bad = attrs.evolve(commit, message=with_command(commit.message, logged_command(other)))
        before = commits[place - 1].tree if place else None
        found = verdict(objects, bad, before)
        assert isinstance(found, Proven) == _comes_to_the_same(state_of(objects, before), command, other)


def _near(command: Command) -> st.SearchStrategy[Command]:
    """*command* with one field as another command of its kind has it."""
    fields = [it.name for it in attrs.fields(type(command)) if it.name not in ("commands", "facts")]
    others = strategies.commands.filter(lambda other: type(other) is type(command))
    if not fields or isinstance(command, Undo):
        return st.just(command)
    return st.builds(
        lambda other, name: attrs.evolve(command, **{name: getattr(other, name)}), others, st.sampled_from(fields)
    )


def _as_logged(command: Command) -> Command:
    return command_from_log(logged_command(command))


def _comes_to_the_same(state: Any, command: Command, other: Command) -> bool:
    decision = decide(state, command)
    try:
        another = decide(state, other)
    except KuberpultError:
        return False
    same_words = summary(another) == summary(decision) and another.command == other
    return another.events == decision.events and same_words


def with_command(text: str, command: str, versions: str = "1") -> str:
    """A commit's message with another recorded command."""
    head = text.rstrip("\n").rpartition("\n\n")[0]
    return f"{head}\n\nKuberpult-Command: {command}\nKuberpult-Rules: {versions}\n"


@FEW
@given(histories(3), st.data())
def test_a_changed_word_is_found(history: History, data: st.DataObject) -> None:
    with memory_repository() as repository:
        commits = given_history(repository, history, undone=data.draw(st.booleans()))
        assume(commits)
        place = data.draw(st.integers(0, len(commits) - 1))
        commit = commits[place]
        lines = commit.message.rstrip("\n").split("\n")[:-1]
        at = data.draw(st.integers(0, len(lines) - 1))
        instead = data.draw(st.sampled_from([[], [f"{lines[at]} "], [lines[at], "and more"], ["x", lines[at]]]))
        text = commit.message.split("\n")
        bad = attrs.evolve(commit, message="\n".join([*text[:at], *instead, *text[at + 1 :]]))
        chain = [*commits[:place], bad, *commits[place + 1 :]]
        assert check_found(repository.store.objects, chain, place).path is None


# Who and when, and words, one by one


@attrs.frozen
class Case:
    """A commit on the tree before it."""

    objects: Objects
    commit: LoggedCommit
    before: ObjectId | None

    def verdict(self, **changed: Any) -> Verdict:
        """What the replay says, if the commit were another in what is *changed*."""
        return verdict(self.objects, attrs.evolve(self.commit, **changed), self.before)


def shop() -> World:
    """An environment that Argo CD knows, and one that it does not; two releases; a deployment and a lock."""
    return rules.given(
        environment("dev", argocd=True),
        environment("staging", upstream="dev"),
        releases("cart", 2, "dev", "staging"),
        deploys("cart", 1, "dev"),
        lock("staging"),
    )


def case(*steps: Command, world: World | None = None) -> Case:
    """The commit of the last of *steps* in the shop."""
    world = world or shop()
    world.when(*steps)
    *_, before, commit = world.repository.store.log()
    return Case(world.repository.store.objects, commit, before.tree)


STAMPED: dict[str, tuple[Command, str | None, str | None]] = {
    "a deployment": (
        Deploy("dev", "cart", 2),
        "environments/dev/applications/cart/deployed_by",
        "environments/dev/applications/cart/deployed_at_utc",
    ),
    "a lock": (
        lock("dev"),
        "environments/dev/locks/freeze/created_by_email",
        "environments/dev/locks/freeze/created_at",
    ),
    "a release": (release("cart", 3, "dev"), None, "applications/cart/releases/3/created_at"),
    "settings": (UpdateSettings({"keepReleases": 1}), None, None),
    "an unlock": (unlock("staging"), None, None),
}


@pytest.mark.parametrize("what", STAMPED)
def test_another_author_is_found_where_the_files_name_one(what: str) -> None:
    command, path, _ = STAMPED[what]
    _check_path(case(command).verdict(author=BOB), path)


@pytest.mark.parametrize("what", STAMPED)
def test_another_time_is_found_where_the_files_name_one(what: str) -> None:
    command, _, path = STAMPED[what]
    _check_path(case(command).verdict(time=NOON + timedelta(seconds=1)), path)


def _check_path(found: Verdict, path: str | None) -> None:
    assert isinstance(found, Different if path else Proven)
    assert getattr(found, "path", None) == path


SAME: dict[str, tuple[Command, Command]] = {
    "a lock behavior where no lock is": (Deploy("dev", "cart", 2), Deploy("dev", "cart", 2, "ignore")),
    "leave that nothing needs": (
        UpdateEnvironment("staging", {"environmentGroup": "eu"}),
        UpdateEnvironment("staging", {"environmentGroup": "eu"}, allow_cascade=True),
    ),
    "what becomes of a queue that is empty": (unlock("staging"), unlock("staging", queued="discard")),
}


@pytest.mark.parametrize("what", SAME)
def test_another_command_that_comes_to_the_very_same_is_proven(what: str) -> None:
    command, other = SAME[what]
    it = case(command)
    assert isinstance(it.verdict(message=with_command(it.commit.message, logged_command(other))), Proven)


OTHERS: dict[str, Command] = {
    "another version": Deploy("dev", "cart", 1),
    "another application": Deploy("dev", "web", 2),
    "another environment": Deploy("staging", "cart", 2),
    "another kind": lock("dev"),
    "the same by train": ReleaseTrain("dev"),
    "the same in a batch": Batch([Deploy("dev", "cart", 2)]),
    "a batch with more in it": Batch([Deploy("dev", "cart", 2), lock("dev")]),
    "a batch of nothing": Batch([]),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_command_is_found(what: str) -> None:
    it = case(Deploy("dev", "cart", 2))
    text = with_command(it.commit.message, logged_command(OTHERS[what]))
    assert isinstance(it.verdict(message=text), Different)


WORDS: dict[str, Callable[[str], str]] = {
    "another subject": lambda text: text.replace("Deploy cart 2", "Deploy cart 1"),
    "another fact": lambda text: text.replace("1 → 2", "2 → 1"),
    "a fact more": lambda text: text.replace("1 → 2", "1 → 2\nlock/dev/freeze created"),
    "no facts": lambda text: text.replace("deployment/dev/cart 1 → 2\n\n", ""),
    "a line hidden behind a carriage return": lambda text: text.replace("dev\n\nd", "dev\r\rd"),
    "a line break that is none for git": lambda text: text.replace("dev\n\nd", "dev\n\x0bd"),
    "a trailer more": lambda text: f"{text}Signed-off-by: Ada <ada@example.com>\n",
    "a trailer before": lambda text: text.replace("Kuberpult-C", "Kuberpult-Rules: 1\nKuberpult-C"),
    "the same trailers in another order": lambda text: "\n".join(
        [*text.split("\n")[:-3], *reversed(text.split("\n")[-3:-1])]
    ),
    "the command with blanks": lambda text: text.replace('":', '": '),
    "the command twice": lambda text: text.replace(
        "Kuberpult-Command", 'Kuberpult-Command: {"kind":"Cleanup","application":"x"}\nKuberpult-Command'
    ),
    "a key twice": lambda text: text.replace('{"kind"', '{"version":7,"kind"'),
}


@pytest.mark.parametrize("what", WORDS)
def test_other_words_are_found(what: str) -> None:
    it = case(Deploy("dev", "cart", 2))
    text = WORDS[what](it.commit.message)
    assert text != it.commit.message
    found = it.verdict(message=text)
    assert isinstance(found, Different)
    assert found.reason.isprintable()


def test_line_breaks_at_the_end_are_of_no_account() -> None:
    it = case(Deploy("dev", "cart", 2))
    assert isinstance(it.verdict(message=it.commit.message.rstrip("\n")), Proven)
    assert isinstance(it.verdict(message=it.commit.message + "\n\n"), Proven)


# Rules of other versions


@pytest.mark.parametrize("number", ["0", "2", "7", "1" + "0" * 20, "9" * 5000, "0000000012"])
def test_other_rules_with_the_same_tree_are_proven_and_with_another_they_say_so(number: str) -> None:
    it = case(Deploy("dev", "cart", 2))
    text = it.commit.message.replace("Kuberpult-Rules: 1", f"Kuberpult-Rules: {number}")
    assert isinstance(it.verdict(message=text), Proven)


@pytest.mark.parametrize("number", [0, 2, 123456789])
def test_where_other_rules_decide_otherwise_nobody_is_called_wrong(number: int) -> None:
    it = case(Deploy("dev", "cart", 2))
    text = it.commit.message.replace("Kuberpult-Rules: 1", f"Kuberpult-Rules: {number}")
    before = it.before
    assert before
    for changed in ({"tree": before}, {"author": BOB}):
        found = it.verdict(message=text, **changed)
        assert isinstance(found, OtherRules)
        assert found.rules == number
    refused = with_command(it.commit.message, logged_command(Deploy("nowhere", "cart", 1)), str(number))
    assert isinstance(it.verdict(message=refused), OtherRules)


def test_other_rules_do_not_hide_other_words() -> None:
    it = case(Deploy("dev", "cart", 2))
    text = it.commit.message.replace("Kuberpult-Rules: 1", "Kuberpult-Rules: 2").replace("1 → 2", "2 → 1")
    assert isinstance(it.verdict(message=text), OtherRules)


@pytest.mark.parametrize("number", ["", "x", "-1", "1.0", "²", " 1", "1 ", "0x1"])
def test_rules_that_are_no_number_are_no_record(number: str) -> None:
    it = case(Deploy("dev", "cart", 2))
    text = it.commit.message.replace("Kuberpult-Rules: 1", f"Kuberpult-Rules: {number}")
    assert isinstance(it.verdict(message=text), Different)


# Commits without a record


def test_a_commit_by_somebody_else_is_foreign_and_its_facts_are_listed() -> None:
    world = shop()
    files = files_of(world.repository.store.objects, world.head.tree)
    commit_by_hand(world.repository, {**files, "applications/cart/team": File(b"sre"), "README": File(b"x")})
    *_, found = verdicts(world.repository)
    assert isinstance(found, Foreign)
    assert [type(it).__name__ for it in found.facts.differences] == ["TeamChanged"]
    assert found.facts.others == ("README",)


NO_RECORD: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "only a subject": lambda _: "Deploy cart 2 to dev\n",
    "no command": lambda text: "\n".join(line for line in text.split("\n") if "-Command" not in line),
    "no rules": lambda text: "\n".join(line for line in text.split("\n") if "-Rules" not in line),
    "no trailers": lambda text: text.rpartition("\n\n")[0],
    "a paragraph after them": lambda text: f"{text}\nThat was it.\n",
    "the command cut": lambda text: text.replace('"version":2}', ""),
    "replacement characters": lambda text: text.replace("kind", "ki\ufffd"),
}


@pytest.mark.parametrize("what", NO_RECORD)
def test_a_commit_by_kuberpult_without_a_readable_record_is_different(what: str) -> None:
    it = case(Deploy("dev", "cart", 2))
    found = it.verdict(message=NO_RECORD[what](it.commit.message))
    assert isinstance(found, Different)
    assert found.reason.startswith("its record cannot be read: ")


def test_whoever_committed_a_record_is_held_to_it() -> None:
    it = case(Deploy("dev", "cart", 2))
    assert isinstance(it.verdict(committer=BOB), Proven)
    assert isinstance(it.verdict(committer=BOB, tree=it.before), Different)
    assert isinstance(it.verdict(committer=BOB, message=it.commit.message.replace("{", "[")), Different)
    assert isinstance(it.verdict(committer=BOB, message="By hand"), Foreign)


@BROKEN
@given(damages, damages)
def test_no_foreign_commit_is_too_broken_to_list_its_facts(old: Damage, new: Damage) -> None:
    with memory_repository() as repository:
        for damage in (old, new):
            commit_by_hand(repository, damaged(damage)[0])
        assert all(isinstance(it, Foreign) for it in verdicts(repository))
        first, second = repository.store.log()
        undo = Undo(second.id, facts=facts_of_commit(repository.store.objects, second, first.tree))
        assert command_from_log(logged_command(undo)) == undo


@BROKEN
@given(damages, damages)
def test_an_undo_of_whatever_somebody_broke_is_proven(old: Damage, new: Damage) -> None:
    with memory_repository() as repository:
        for damage in (old, new):
            commit_by_hand(repository, damaged(damage)[0])
        carry_out(repository, Step(Undo("HEAD", allow_cascade=True), Stamp(NOON, ADA)))
        carry_out(repository, Step(Undo("HEAD", allow_cascade=True), Stamp(NOON, ADA)))
        assert all(isinstance(it, Proven) for it in verdicts(repository)[2:])


# Since a commit


def test_since_a_commit_those_after_it_are_looked_at() -> None:
    with memory_repository() as repository:
        world = World(repository)
        world.when(environment("dev"), releases("cart", 2, "dev"), deploys("cart", 2, "dev"))
        commits = list(repository.store.log())
        assert [it.commit for it in repository.verify()] == commits
        assert [it.commit for it in repository.verify("HEAD~2")] == commits[-2:]
        assert list(repository.verify("HEAD")) == []
        assert all(isinstance(it, Proven) for it in repository.verify("HEAD~2"))


# Poisoned records


def undoes(*differences: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A recorded undo."""
    return {"kind": "Undo", "commit": "0" * 40, "facts": {"subject": "x", "differences": [*differences], **more}}


def deploys_it(entry: dict[str, Any], manifest: str, name: str = "dev") -> dict[str, Any]:
    """An undo that brings a release back, whose folder is *entry*, and puts it in place."""
    kept = {"manifests": {name: [manifest, 1]}, "origin": {}, "entry": entry}
    return undoes(
        {"kind": "ReleaseChanged", "application": "cart", "version": 9, "old": kept, "new": None},
        {
            "kind": "PlacementChanged",
            "environment": "dev",
            "application": "cart",
            "old": {"version": 9},
            "new": {"version": 1},
        },
    )


def config(document: Any, entry: dict[str, Any] | None, name: str = "dev") -> dict[str, Any]:
    """An undo of another config."""
    new = {"document": {"argocd": ARGOCD}} if name == "dev" else None
    old = {"document": document, **({"entry": entry} if entry else {})}
    return undoes({"kind": "EnvironmentChanged", "environment": name, "old": old, "new": new})


def nested(depth: int, inside: str = "1") -> str:
    """JSON objects in each other."""
    return '{"a":' * depth + inside + "}" * depth


def ids(world: World) -> dict[str, Any]:
    """Ids that are there: of a release's folder, of another folder, of a manifest."""
    folder = "applications/cart/releases/2"
    paths = {
        "release": folder,
        "folder": "environments",
        "manifest": f"{folder}/environments/dev/manifests.yaml",
        "config": "environments/dev/config.json",
    }
    found = {what: find(world.repository.store.objects, world.head.tree, path) for what, path in paths.items()}
    return {what: it.id for what, it in found.items() if it}


def poisoned(known: dict[str, Any]) -> dict[str, Any]:
    """Records that nobody's command would leave behind, as data or as text."""
    manifest, folder = known["manifest"], {"mode": FOLDER, "id": known["release"]}
    file = {"mode": FILE, "id": known["config"]}
    strange = (
        "",
        "zz",
        "b" * 39,
        "B" * 40,
        "../../etc/passwd",
        "\ud800",
        "ü" * 40,
        "\0" * 40,
        manifest.upper(),
        "b" * 40,
    )
    modes = (0, -1, -FOLDER, 1, 0o160000, LINK, EXECUTABLE, 10**30, 10**4000, 2**64)
    documents: list[Any] = [
        {"argocd": {"destination": {"server": "\ud800"}}},
        {"argocd": {"destination": {"name": "x"}, "applicationAnnotations": {"\udc00": "\ud800"}}},
        {"argocd": {"destination": {"name": "\0\x1b\ufffe"}}},
        {"upstream": 1},
        {"upstream": {"environment": "../x"}},
        {"x": float("nan")},
        [],
        None,
    ]
    places = {"kind": "PlacementChanged", "environment": "dev", "application": "cart", "new": {"version": 1}}
    locked = {"kind": "LockChanged", "scope": {"environment": "dev"}, "lock_id": "freeze", "new": None}
    train = {"kind": "ReleaseTrain", "target": "staging"}
    return {
        "a folder without the manifest": deploys_it({"mode": FOLDER, "id": known["folder"]}, manifest),
        "a file for a release": deploys_it({"mode": FILE, "id": manifest}, manifest),
        "a file as a folder": deploys_it({"mode": FOLDER, "id": manifest}, manifest),
        "a folder as a file": deploys_it({"mode": FILE, "id": known["release"]}, manifest),
        "a folder as a link": deploys_it({"mode": LINK, "id": known["release"]}, manifest),
        "no such folder": deploys_it({"mode": FOLDER, "id": "b" * 40}, manifest),
        "no such manifest": deploys_it(folder, "b" * 40),
        "a manifest for another environment": deploys_it(folder, manifest, "other"),
        **{f"the id {it!r:.20} of a file": deploys_it({"mode": FILE, "id": it}, manifest) for it in strange},
        **{f"the id {it!r:.20} of a folder": deploys_it({"mode": FOLDER, "id": it}, manifest) for it in strange},
        **{f"the mode {it:.0e} of a file": config({}, {**file, "mode": it}) for it in modes if it < 10**300},
        **{
            f"mode {number} of a folder": deploys_it({**folder, "mode": it}, manifest)
            for number, it in enumerate(modes)
        },
        **{f"document {number} with a file": config(it, file) for number, it in enumerate(documents)},
        **{f"document {number} without a file": config(it, None) for number, it in enumerate(documents)},
        **{f"document {number} of a new one": config(it, file, "new") for number, it in enumerate(documents)},
        "settings with a password": undoes(
            {
                "kind": "SettingsChanged",
                "old": {"document": {"url": "https://a:b@c"}, "entry": file},
                "new": {"document": {"url": URL}},
            }
        ),
        "a negative version": undoes({**places, "old": {"version": -1}}),
        "a version of 4000 digits": undoes({**places, "old": {"version": 10**4000}}),
        "a version that is no number": undoes({**places, "old": {"version": float("nan")}}),
        "an endless version": undoes({**places, "old": {"version": float("inf")}}),
        "a placement of nobody": undoes({**places, "application": "nobody", "old": {}, "new": {}}),
        "a lock of half a character": undoes({**locked, "old": {"lock": {"message": "\ud800"}, "entry": file}}),
        "a lock that is a submodule": undoes(
            {**locked, "old": {"lock": {"message": "x"}, "entry": {**file, "mode": 0o160000}}}
        ),
        "a lock beyond the calendar": undoes(
            {**locked, "old": {"lock": {"message": "x", "expires_at": "9999-12-31T23:59:59-14:00"}, "entry": file}}
        ),
        "a lock on two things": undoes(
            {**locked, "scope": {"environment": "dev", "application": "cart", "team": "sre"}, "old": None}
        ),
        "differences of nothing": undoes(
            {**locked, "old": None},
            {"kind": "SettingsChanged", "old": None, "new": None},
            {"kind": "EnvironmentChanged", "environment": "dev", "old": None, "new": None},
            {"kind": "ReleaseChanged", "application": "cart", "version": 2, "old": None, "new": None},
            {"kind": "TeamChanged", "application": "cart", "old": None, "new": None},
        ),
        "a difference of no kind": undoes({"kind": "Nothing"}),
        "a difference whose kind is a list": undoes({"kind": []}),
        "waiting nowhere": undoes(waited_unlocked=[{"environment": "nowhere", "application": "x"}]),
        "an undo without facts": {"kind": "Undo", "commit": "0" * 40},
        "an undo of two lines": {"kind": "Undo", "commit": "a\nb"},
        "a train without versions": {**train, "from_state": {"revision": "x"}},
        "a train with a negative version": {
            **train,
            "from_state": {"revision": "x", "versions": {"staging": {"cart": -1}}},
        },
        "a train of nobody": {**train, "from_state": {"revision": "x", "versions": {"staging": {"nobody": 7}}}},
        "an unknown kind": {"kind": "Frobnicate"},
        "a kind that is no text": {"kind": {"a": []}},
        "no kind": {},
        "a list": [],
        "a batch in a batch": {"kind": "Batch", "commands": [{"kind": "Batch", "commands": []}]},
        "too many commands": {"kind": "Batch", "commands": [{"kind": "Cleanup", "application": "x"}] * 10_001},
        "a manifest that is a folder": {
            "kind": "CreateRelease",
            "application": "cart",
            "manifests": {"dev": [known["release"], 1]},
        },
        "a manifest that is not there": {
            "kind": "CreateRelease",
            "application": "cart",
            "manifests": {"dev": ["b" * 40, 1]},
        },
        "not JSON": "{",
        "nothing": "",
        "a number of 5000 digits": f'{{"kind":"Cleanup","application":1{"0" * 5000}}}',
        "a key twice": '{"kind":"Deploy","kind":"Cleanup","application":"nobody"}',
        "5 MiB": f'{{"kind":"Cleanup","application":"{"x" * 5 * 1024 * 1024}"}}',
        "half a character": '{"kind":"Cleanup","application":"\\ud800"}',
        **{f"nested {depth}": nested(depth) for depth in DEPTHS},
        **{f"a patch nested {it}": f'{{"kind":"UpdateSettings","patch":{nested(it)}}}' for it in DEPTHS},
        **{f"a kind nested {it}": f'{{"kind":{nested(it)}}}' for it in DEPTHS},
        **{
            f"a document nested {it}": json.dumps(config("HERE", file)).replace('"HERE"', nested(it))
            for it in DEPTHS
        },
        "lists in lists": "[" * 100_000,
    }


DEPTHS = (50, 70, 300, 900, 100_000)
POISON = {what: it if isinstance(it, str) else json.dumps(it) for what, it in poisoned(ids(shop())).items()}


def check_poison(world: World, what: str) -> None:
    """No record makes a replay or the log fail, whoever committed it and whatever rules it names."""
    objects, head = world.repository.store.objects, world.head
    assert head.commit
    assert head.tree
    for committer, number in ((COMMITTER, "1"), (BOB, "1"), (COMMITTER, "2")):
        text = with_command("x\n\ny\n\nz", POISON[what], number)
        commit = LoggedCommit(ObjectId("a" * 40), head.commit, head.tree, text, ADA, committer, NOON)
        found = verdict(objects, commit, head.tree)
        assert isinstance(found, Different if number == "1" else Different | OtherRules), what
        assert log.entry(objects, commit, head.tree).told == ()


@pytest.mark.parametrize("what", POISON)
def test_a_poisoned_record_is_reported(what: str) -> None:
    check_poison(shop(), what)


def test_a_poisoned_record_in_git_is_reported_too() -> None:
    with git_repository() as repository:
        world = World(repository)
        world.when(UpdateSettings({"url": URL}), environment("dev", argocd=True), environment("staging"))
        world.when(releases("cart", 2, "dev", "staging"), deploys("cart", 1, "dev"))
        assert ids(world)["release"] == ids(shop())["release"]
        for what in POISON:
            check_poison(world, what)


@pytest.mark.parametrize("blown_up", ["ü" * (MAX_COMMAND // 4), "x" * (MAX_COMMAND - 2000)])
def test_a_record_with_the_right_tree_that_cannot_be_written_again_is_reported(blown_up: str) -> None:
    it = case(Deploy("dev", "cart", 2), Undo("HEAD"))
    data = json.loads(logged_command(recorded(it.commit.message).command))
    data["facts"]["others"] = [blown_up]
    found = it.verdict(message=with_command(it.commit.message, json.dumps(data, ensure_ascii=False)))
    assert isinstance(found, Different)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_deep_document_beside_the_right_tree_is_no_failure(depth: int) -> None:
    """What is not in the tree and not in the words is nobody's difference."""
    it = case(UpdateEnvironment("staging", {"environmentGroup": "eu"}), Undo("HEAD"))
    text = logged_command(recorded(it.commit.message).command)
    deep = text.replace('"old":{"document":{', f'"old":{{"document":{{"x":{nested(depth)},', 1)
    assert deep != text
    found = it.verdict(message=with_command(it.commit.message, deep))
    assert isinstance(found, Proven | Different)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        (10**4000, -1, 2**53, float("nan"), float("inf"), "\ud800", "", "x" * 1000, [], {}, {"kind": "Undo"})
    ),
    st.text(max_size=5),
    st.sampled_from(("b" * 40, FOLDER, LINK, 0o160000, "dev", "staging", "cart", "web", "freeze", "sre")),
)


def places_in(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all that is in JSON."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    return [path, *(it for key, value in items for it in places_in(value, (*path, key)))]


def replaced(data: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """*data* with *junk* at *path*."""
    if not path:
        return junk
    changed = dict(data) if isinstance(data, dict) else list(data)
    changed[path[0]] = replaced(data[path[0]], path[1:], junk)
    return changed


@FEW
@given(histories(3), st.data())
def test_no_garbled_record_makes_a_replay_or_the_log_fail(history: History, data: st.DataObject) -> None:
    with memory_repository() as repository:
        commits = given_history(repository, history, undone=True)
        assume(commits)
        objects = repository.store.objects
        for commit, before in zip(commits, [None, *commits], strict=False):
            command = json.loads(logged_command(recorded(commit.message).command))
            for _ in range(data.draw(st.integers(1, 3))):
                ways = places_in(command)
                command = replaced(command, data.draw(st.sampled_from(ways)), data.draw(JUNK))
            text = with_command(commit.message, json.dumps(command))
            bad = attrs.evolve(commit, message=text)
            assert isinstance(verdict(objects, bad, before.tree if before else None), Verdict)
            assert log.entry(objects, bad, before.tree if before else None).commit == bad


@given(st.data())
def test_no_garbled_message_makes_a_replay_or_the_log_fail(data: st.DataObject) -> None:
    it = GARBLED
    text = it.commit.message
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        text = (
            text[:start]
            + data.draw(st.sampled_from(("", "\n", "\n\n", "{", '"', "\ud800", "\0", "9" * 50)))
            + text[end:]
        )
    found = it.verdict(message=text)
    assert isinstance(found, Verdict)
    assert isinstance(found, Proven) <= (text.rstrip("\n") == it.commit.message.rstrip("\n") or "Rules: " in text)
    assert log.entry(it.objects, attrs.evolve(it.commit, message=text), it.before).told


GARBLED = case(Deploy("dev", "cart", 2), Undo("HEAD"))
