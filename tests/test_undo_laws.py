"""Undo over random histories: right after a commit it gives the tree before it, and undone again the tree after.

Who deployed and when is aside: an undo is a deployment by whoever asks for it.
"""

from datetime import timedelta

from hypothesis import event, given, settings

from kuberpult_core import Decision, Repository, Undo, memory_repository
from kuberpult_core.codec import command_from_log, logged_command
from kuberpult_core.stamp import Stamp
from tests.law_support import carry_out, check_log_replays, check_memory_and_repository_agree, outcome_of
from tests.strategies import ACTORS, History, Step, histories
from tests.support import NOON, File, files_of, fsck, git_repository

FEW = settings(max_examples=max(5, settings().max_examples // 6))
LATER = Stamp(NOON + timedelta(days=1), ACTORS[2])


def shown(repository: Repository) -> dict[str, File]:
    """Every file of the head, but for who deployed and when."""
    files = files_of(repository.store.objects, repository.store.head().tree)
    return {path: file for path, file in files.items() if "/deployed_" not in path}


def undone(repository: Repository) -> Decision:
    """Undo the newest commit, through the log's form, as a replay will see it."""
    plan = repository.plan(Undo("HEAD", allow_cascade=True))
    assert command_from_log(logged_command(plan.command)) == plan.command
    outcome = outcome_of(repository, Step(plan.command, LATER))
    assert outcome is not None
    check_memory_and_repository_agree(outcome)
    came_of_it = carry_out(repository, Step(plan.command, LATER))
    assert isinstance(came_of_it, Decision)
    assert came_of_it == plan.decision
    return came_of_it


def check_undo(repository: Repository, history: History) -> None:
    for step in history:
        before = shown(repository)
        came_of_it = carry_out(repository, step)
        if not isinstance(came_of_it, Decision) or came_of_it.is_nothing:
            continue
        event(type(step.command).__name__)
        after = shown(repository)

        back = undone(repository)
        assert shown(repository) == before
        assert [skip for skip in back.skips if skip.reason == "moved_on"] == []

        undone(repository)
        assert shown(repository) == after
    check_log_replays(repository)


@given(histories())
def test_undo_gives_the_tree_before_and_undone_again_the_tree_after_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_undo(repository, history)


@FEW
@given(histories(5))
def test_undo_gives_the_tree_before_and_undone_again_the_tree_after_in_git(history: History) -> None:
    with git_repository() as repository:
        check_undo(repository, history)
        assert repository.store.head().commit is None or fsck(repository) == ""
