"""Services × environments as people look at them: what is where since when, what waits, how far behind it is.

Plain data, in the shapes of the HTTP API. It says more of a placement than the overview that the
command line prints, and it can be asked for in pages: a whole fleet has very many placements.
"""

import fnmatch
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeAlias

import attrs

from kuberpult_core.decide.locking import check_team
from kuberpult_core.decide.trains import upstream_versions
from kuberpult_core.model import Application, Broken, Environment, LockScope, Placement, State
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version
from kuberpult_core.questions import ListPlaced, ShowMatrix, Wanted
from kuberpult_core.views import Data, actor_view, check_environment, environments_in_order, link_view
from kuberpult_core.words import lock_name


def matrix(state: State, question: ShowMatrix) -> Data:
    """The rows that *question* asks for, each with a cell for each environment, and how many rows there are."""
    check_environment(state, question.environment)
    if question.team is not None:
        check_team(state, question.team)
    wanted = question.environment
    names = [name for name in environments_in_order(state) if wanted in (None, name)]
    columns = [_Column.of(state, name) for name in names]
    found = list(_applications(state, question.application, question.team))
    if question.only is not None:
        found = [it for it in found if any(_is_wanted(state, column, it, question.only) for column in columns)]
    last = None if question.most is None else question.first + question.most
    return {
        "total": len(found),
        "environments": [column.view(state) for column in columns],
        "applications": [_row(state.applications[it], it, columns) for it in islice(found, question.first, last)],
    }


def placed(state: State, question: ListPlaced) -> Data:
    """What is on one environment as *question* asks for it, and how many services are there."""
    check_environment(state, question.environment)
    if question.team is not None:
        check_team(state, question.team)
    column = _Column.of(state, question.environment)
    found = [
        name
        for name in _applications(state, question.application, question.team)
        if _is_wanted(state, column, name, question.only)
    ]
    last = None if question.most is None else question.first + question.most
    return {
        "total": len(found),
        "placements": [_placed_row(state.applications[it], it, column) for it in found[question.first : last]],
    }


def _placed_row(there: Application, name: ApplicationName, column: "_Column") -> Data:
    cell = _cell(name, there, sorted(there.releases), column) or {}
    by = column.there.placements[name].deployment.by
    return {"application": name, "team": there.team, **cell, "deployed_by": actor_view(by)}


def _applications(state: State, pattern: str | None, team: TeamName | None) -> Iterator[ApplicationName]:
    """Those of a team whose names match a shell pattern, in order."""
    for name in sorted(state.applications):
        if (pattern is None or fnmatch.fnmatchcase(name, pattern)) and (
            team is None or state.team_of(name) == team
        ):
            yield name


@attrs.frozen
class _Column:
    """What is the same for all cells of an environment."""

    name: EnvironmentName
    there: Environment
    upstream: dict[ApplicationName, Version | Broken]
    locks: list[str]

    @classmethod
    def of(cls, state: State, name: EnvironmentName) -> "_Column":
        there = state.environments[name]
        config = there.config
        known = config.follows_latest or config.upstream_environment in state.environments
        upstream = dict(upstream_versions(state, config.upstream_environment)) if known else {}
        return cls(name, there, upstream, [lock_name(LockScope(name), it) for it in sorted(there.locks)])

    def view(self, state: State) -> Data:
        """Its head."""
        config = self.there.config
        waiting = sum(it.queued is not None for it in self.there.placements.values())
        return {
            "name": self.name,
            "group": config.group,
            "upstream": config.upstream_environment or ("latest" if config.follows_latest else None),
            "locks": self.locks,
            "waiting": waiting,
            "problem": state.environments[self.name].stored.problem,
        }


def _is_wanted(state: State, column: _Column, application: ApplicationName, only: Wanted | None) -> bool:
    placed = column.there.placements.get(application)
    if placed is None or placed.is_empty:
        return False
    match only:
        case None:
            return True
        case Wanted.WAITING:
            return placed.queued is not None
        case Wanted.LOCKED:
            return state.is_locked(column.name, application)
        case Wanted.BEHIND:
            releases = sorted(state.applications[application].releases)
            return bool(releases_between(releases, placed.version, column.upstream.get(application)))


def _row(there: Application, name: ApplicationName, columns: Iterable[_Column]) -> Data:
    releases = sorted(there.releases)
    newest = releases[-1] if releases else None
    return {
        "name": name,
        "team": there.team,
        "newest": newest,
        "newest_display_version": display_version(there, newest),
        "cells": [_cell(name, there, releases, column) for column in columns],
    }


def _cell(name: ApplicationName, there: Application, releases: list[Version], column: _Column) -> Data | None:
    placed = column.there.placements.get(name)
    if placed is None or placed.is_empty:
        return None
    upstream = column.upstream.get(name)
    deployment = placed.deployment
    return {
        "version": link_view(placed.version),
        "display_version": display_version(there, placed.version),
        "deployed_at": deployment.at,
        "queued": link_view(placed.queued),
        "queued_display_version": display_version(there, placed.queued),
        "locks": _locks(name, there, placed, column),
        "upstream": link_view(upstream),
        "behind": releases_between(releases, placed.version, upstream),
    }


def display_version(there: Application, version: Version | Broken | None) -> str | None:
    """What people call a version, if its release can be read."""
    if version is None or isinstance(version, Broken) or (release := there.releases.get(version)) is None:
        return None
    return release.origin.display_version


def _locks(name: ApplicationName, there: Application, placed: Placement, column: _Column) -> list[str]:
    """The names of all locks in the way of a placement; looks at names only."""
    found = column.locks
    if placed.locks:
        scope = LockScope(column.name, name)
        found = [*found, *(lock_name(scope, it) for it in sorted(placed.locks))]
    if there.team is not None and there.team in column.there.team_locks:
        team = LockScope(column.name, team=there.team)
        found = [*found, *(lock_name(team, it) for it in sorted(column.there.team_locks[there.team]))]
    return found


Link: TypeAlias = Version | Broken | None


def releases_between(releases: list[Version], version: Link, upstream: Link) -> int | None:
    """How many releases lie between what is here and what upstream has; none if that cannot be told."""
    if not isinstance(version, int) or not isinstance(upstream, int):
        return None
    return max(0, bisect_right(releases, upstream) - bisect_right(releases, version))
