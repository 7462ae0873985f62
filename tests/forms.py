"""Pages as people use them without scripts: links to follow and forms to fill in and send."""

from html.parser import HTMLParser
from typing import Any

import attrs
import httpx

from tests.web import Client

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@attrs.define
class Form:
    """A form: where it goes, what it holds, what its button says."""

    action: str
    method: str
    fields: dict[str, str] = attrs.field(factory=dict)
    words: str = ""


class Page(HTMLParser):
    """What can be done on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        """Where links lead, by their words."""
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._link: tuple[str, list[str]] | None = None
        self._is_in_form = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "a":
            self._link = (given.get("href") or "", [])
        elif tag == "form":
            self._is_in_form = True
            self.forms.append(Form(given.get("action") or "", (given.get("method") or "get").upper()))
        elif tag in ("input", "select", "textarea") and self._is_in_form and (name := given.get("name")):
            self.forms[-1].fields[name] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link:
            self.links[" ".join("".join(self._link[1]).split())] = self._link[0]
            self._link = None
        self._is_in_form = self._is_in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        if self._link:
            self._link[1].append(data)
        if self._is_in_form:
            self.forms[-1].words += data

    def form(self, words: str) -> Form:
        """The form with these words in it."""
        (found,) = [it for it in self.forms if words in it.words]
        return found


def sent(client: Client, form: Form, cookies: Any = None, **filled: str) -> httpx.Response:
    """What comes of sending a form, filled in; redirects are not followed."""
    fields = {**form.fields, **filled}
    headers = {"Cookie": cookies} if cookies else {}
    if form.method == "GET":
        return client.get(form.action, params=fields, headers=headers)
    return client.post(form.action, data=fields, headers={**headers, "Origin": "http://localhost"})
