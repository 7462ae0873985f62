"""Folders, texts and times as they lie in a tree: what is broken is told of and passed over."""

from datetime import datetime

from kuberpult_core import layout
from kuberpult_core.errors import quoted
from kuberpult_core.ports import FILE, FOLDER, Entry, Objects
from kuberpult_core.reading.listing import Entries, Report, kind_of
from kuberpult_core.stamp import Actor

MAX_TEXT = 1024 * 1024
"""Bytes of a text file that are looked at."""


class Pieces:
    """Reads single pieces; *report* is told of those that are broken."""

    def __init__(self, objects: Objects, report: Report) -> None:
        self.objects = objects
        self.report = report

    def folder(self, path: str, entry: Entry | None) -> Entries:
        """The entries of a folder; none if something else is there."""
        if entry is None:
            return {}
        if entry.mode != FOLDER:
            self.report(path, f"it is {kind_of(entry)}, and a folder belongs here")
            return {}
        return self.objects.tree(entry.id)

    def bytes_of(self, path: str, entry: Entry | None) -> bytes | None:
        """The content of a file; none if something else is there."""
        if entry is None:
            return None
        if entry.mode != FILE:
            self.report(path, f"it is {kind_of(entry)}, and a file belongs here")
            return None
        return self.objects.blob(entry.id)

    def text(self, folder: str, entries: Entries, name: str) -> str | None:
        """The text of a file, without line breaks at its end; none if it is empty or not there."""
        content = self.bytes_of(f"{folder}/{name}", entries.get(name))
        if content is None:
            return None
        if len(content) > MAX_TEXT:
            self.report(f"{folder}/{name}", f"it has more than {MAX_TEXT} bytes, so the rest is left out")
        try:
            text = content[:MAX_TEXT].decode()
        except UnicodeDecodeError:
            self.report(f"{folder}/{name}", "it is not UTF-8 text")
            text = content[:MAX_TEXT].decode(errors="replace")
        return text.rstrip("\r\n") or None

    def time(self, path: str, text: str | None) -> datetime | None:
        """The time that a text says; none if it says something else."""
        time = layout.read_time(text) if text else None
        if text and time is None:
            self.report(path, f"it says {quoted(text)}, which is not a time")
        return time


def actor(name: str | None, email: str | None) -> Actor | None:
    """Who it was, if one of both is known."""
    return Actor(name or "", email or "") if name or email else None
