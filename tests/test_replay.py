"""Verify: every commit is proven, foreign or different, and whatever was tampered with is found."""

from hypothesis import given

from kuberpult_core import Repository, Undo, memory_repository
from kuberpult_core.journal import COMMITTER
from kuberpult_core.replay import Foreign, Proven, Verdict, verdict
from tests import strategies
from tests.law_support import carry_out
from tests.strategies import History, histories
from tests.support import File, commit_by_hand, files_of


def verdicts(repository: Repository) -> list[Verdict]:
    objects, before, found = repository.store.objects, None, []
    for commit in repository.store.log():
        found.append(verdict(objects, commit, before))
        before = commit.tree
    return found


def given_history(repository: Repository, history: History) -> None:
    for step in history:
        carry_out(repository, step)


# Random histories


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
