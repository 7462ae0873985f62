"""What people type, as the core wants it: times, files of manifests, configurations."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kuberpult_core import documents
from kuberpult_core.errors import InvalidManifest
from kuberpult_core.manifests import MAX_BYTES, Manifest
from kuberpult_core.past import moments


def point_in_time(text: str, now: datetime) -> datetime:
    """``30m``, ``4h``, ``2d`` or ``1w`` from *now*, or a date such as ``2026-12-24T18:00Z`` (UTC if not said)."""
    return _understood(moments.future(text, now), text, "--expires")


def past_time(text: str, now: datetime) -> datetime:
    """``30m``, ``4h``, ``2d`` or ``1w`` before *now*, or a date."""
    return _understood(moments.past(text, now), text, "--since")


def _understood(time: datetime | None, text: str, option: str) -> datetime:
    if time is None:
        raise click.BadParameter(
            f"{text!r} is neither a span such as 4h nor a date such as 2026-12-24T18:00Z.", param_hint=option
        )
    return time


def manifests(pairs: tuple[str, ...], folder: str | None) -> dict[str, Manifest]:
    """The manifests of ``--manifest ENV=FILE`` and ``--manifests DIR``, by environment."""
    given: dict[str, Path | None] = _files_in(Path(folder)) if folder is not None else {}
    for pair in pairs:
        name, separator, file = pair.partition("=")
        if not separator or not file:
            raise click.BadParameter(f"{pair!r} is not of the form ENV=FILE.", param_hint="--manifest")
        if name in given or (file == "-" and None in given.values()):
            raise click.BadParameter(
                f"{name if name in given else file!r} is given twice.", param_hint="--manifest"
            )
        given[name] = None if file == "-" else Path(file)
    return {name: Manifest.of(_content(file, name), name) for name, file in given.items()}


def _files_in(folder: Path) -> dict[str, Path | None]:
    if odd := sorted(folder.glob("*.yml")):
        raise click.BadParameter(f"{odd[0].name} must end in .yaml.", param_hint="--manifests")
    found: dict[str, Path | None] = {file.stem: file for file in sorted(folder.glob("*.yaml")) if file.is_file()}
    if not found:
        raise click.BadParameter(f"There is no ENV.yaml in {folder}.", param_hint="--manifests")
    return found


def _content(file: Path | None, environment: str) -> bytes:
    """A manifest's bytes, from a file or standard input; never more than may be."""
    try:
        if file is None:
            content = _standard_input(MAX_BYTES)
        else:
            with file.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}.", param_hint="--manifest") from None
    if len(content) > MAX_BYTES:
        raise InvalidManifest(f"it has more than the {MAX_BYTES} bytes allowed", environment)
    return content


def read_bounded(file: str, most: int) -> bytes:
    """The content of *file*, or of standard input for ``-``; one byte more than *most* at the most."""
    try:
        if file == "-":
            return _standard_input(most)
        with Path(file).open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}.") from None


def _standard_input(most: int) -> bytes:
    if sys.stdin is None:
        raise click.UsageError("There is nothing on standard input: it is closed.")
    return sys.stdin.buffer.read(most + 1)


def config_document(file: str | None) -> dict[str, Any]:
    """The JSON object in *file*; empty without one."""
    return documents.parse(read_bounded(file, documents.MAX_BYTES)) if file is not None else {}
