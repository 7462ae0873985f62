"""``kuberpult verify``: whether what is there follows from what was asked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, assert_never

import attrs
import click

from kuberpult_cli import output, telling
from kuberpult_cli.exits import DIFFERENT, DONE
from kuberpult_cli.options import REVISION, REVISION_METAVAR, exits_like_diff, shared
from kuberpult_cli.session import repository
from kuberpult_core.errors import printable
from kuberpult_core.past.replay import Different, Foreign, OtherRules, Proven, Verdict
from kuberpult_core.past.retelling import events_of
from kuberpult_core.ports import SignatureState
from kuberpult_core.views import actor_view
from kuberpult_core.words import fact

_FINE = (SignatureState.NONE, SignatureState.GOOD)
"""What needs no words about a signature."""


@click.command()
@click.option("--since", type=REVISION, metavar=REVISION_METAVAR, help="Only the commits after this one.")
@click.option("--strict", is_flag=True, help="Exit with 1 for commits that nobody can prove, too.")
@shared
@exits_like_diff
def command(since: str | None, strict: bool) -> int:
    """Decide every commit again, and list those that differ.

    Each is proven (the command that it records gives this very commit), foreign (somebody
    else's, with its facts), different, or decided by other rules. Proven ones are listed
    with -o wide, json, jsonl and yaml only. A bad signature is a difference; with --strict, one
    that is not trusted or cannot be checked counts, too. Exit code 0: none is different,
    1: some are, 3: failed.

    \b
    Examples:
      kuberpult verify
      kuberpult verify --since v1.0 --strict
      kuberpult verify -o jsonl
    """
    counts: Counter[str] = Counter()
    signatures: Counter[SignatureState] = Counter()
    with repository() as opened:
        verdicts = _told(opened.verify(since), counts, signatures)
        output.stream(verdicts, _data, _lines, lambda it: [f"commit/{it.commit.id}"])
    output.say(_summary(counts, signatures))
    bad = {Different.status, Foreign.status, OtherRules.status} if strict else {Different.status}
    doubtful = strict and any(signatures[state] for state in SignatureState if state not in _FINE)
    return DIFFERENT if doubtful or any(counts[status] for status in bad) else DONE


def _told(
    verdicts: Iterable[Verdict], counts: Counter[str], signatures: Counter[SignatureState]
) -> Iterator[Verdict]:
    """Those that are told in this form; all are counted, and a terminal shows how far it is."""
    progress = output.Progress("commits")
    everything = output.form() not in ("table", "name")
    for found in verdicts:
        counts[found.status] += 1
        signatures[found.signature.state] += 1
        progress.show(counts.total())
        if everything or not (isinstance(found, Proven) and found.signature.state in _FINE):
            progress.clear()
            yield found
    progress.clear()


def _summary(counts: Counter[str], signatures: Counter[SignatureState]) -> str:
    total = counts.total()
    words = [f"{counts[kind.status]} {kind.status}" for kind in (Proven, Foreign, Different)]
    if other := counts[OtherRules.status]:
        words.append(f"{other} by other rules")
    signed = [
        f"{signatures[it]} {it}" for it in SignatureState if it is not SignatureState.NONE and signatures[it]
    ]
    told = f" Signatures: {', '.join(signed)}." if signed else ""
    return f"{total} commit{'' if total == 1 else 's'}: {', '.join(words)}.{told}"


def _lines(found: Verdict) -> Iterator[str]:
    yield f"{found.status:<11}  {telling.head(found.commit)}"
    match found:
        case Proven():
            pass
        case Foreign(facts=facts):
            yield from telling.below(map(fact, events_of(facts)), facts.others)
        case Different(_, reason, path):
            yield f"{telling.INDENT}{reason}{f': {path}' if path else ''}"
        case OtherRules(rules=rules):
            yield f"{telling.INDENT}{_other_rules(rules)}"
        case _:
            assert_never(found)
    if found.signature.state is not SignatureState.NONE:
        yield f"{telling.INDENT}signature: {_signature(found)}"


def _signature(found: Verdict) -> str:
    signature = found.signature
    signer = f" of {signature.signer}" if signature.signer else ""
    return f"{signature.state}{signer}{f' ({signature.reason})' if signature.reason else ''}"


def _other_rules(rules: int) -> str:
    return f"the rules of version {rules} decided it, and those of this version decide otherwise"


def _data(found: Verdict) -> dict[str, Any]:
    commit = found.commit
    data: dict[str, Any] = {
        "commit": commit.id,
        "time": commit.time,
        "author": actor_view(commit.author),
        "status": found.status,
        "reason": None,
        "path": None,
        "signature": attrs.asdict(found.signature),
        "facts": [],
        "others": [],
    }
    match found:
        case Proven():
            return data
        case Foreign(facts=facts):
            told = [telling.uncaused(event) for event in events_of(facts)]
            return {**data, "facts": told, "others": list(map(printable, facts.others))}
        case Different(_, reason, path):
            return {**data, "reason": reason, "path": printable(path) if path else None}
        case OtherRules(rules=rules):
            return {**data, "reason": _other_rules(rules)}
        case _:
            assert_never(found)
