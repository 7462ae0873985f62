"""Pages of the web UI as tests read them: their links, their forms and their text."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import attrs

from tests.web import Client


class _Reader(HTMLParser):
    """Collects what a page leads to, and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.forms: list[dict[str, str]] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._link: str | None = None
        self._said: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.tags.append(tag)
        self.attributes.update(found)
        self.ids.add(found.get("id", ""))
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and self.forms and found.get("type") == "hidden":
            self.forms[-1][found["name"]] = found["value"]
        elif tag == "a":
            self._link, self._said = found.get("href"), []

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        self._said.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self.links.setdefault(" ".join("".join(self._said).split()), self._link)
            self._link = None


@attrs.frozen
class Page:
    """An answer that is a page."""

    status: int
    source: str
    links: dict[str, str]
    """Addresses by what the links say; of those that say the same, the first."""
    forms: list[dict[str, str]]
    """The hidden fields of each form."""
    ids: set[str]
    tags: list[str]
    text: str
    """What it says, with single spaces."""

    def form(self, kind: str) -> dict[str, str]:
        """The fields of the one form that leads to the plan of such a command."""
        (found,) = (it for it in self.forms if it.get("kind") == kind)
        return found


def page(client: Client, address: str) -> Page:
    """The page at *address*, which has one heading of the first level."""
    answer = client.get(address)
    reader = _Reader()
    reader.feed(answer.text)
    assert answer.headers["content-type"].startswith("text/html")
    assert reader.tags.count("h1") == 1
    assert not [it for it in reader.attributes if it == "style" or it.startswith("on")]
    assert reader.tags.count("script") == 1
    text = " ".join("".join(reader.words).split())
    return Page(answer.status_code, answer.text, reader.links, reader.forms, reader.ids, reader.tags, text)


def planned(client: Client, fields: dict[str, str], **more: str) -> Page:
    """The plan that a form leads to."""
    return page(client, "/plan?" + urlencode({**fields, **more}))
