"""Where the links of placements lead: known from their ids, without reading them."""

from collections.abc import Iterable
from functools import lru_cache

from kuberpult_core import layout
from kuberpult_core.errors import InvalidName
from kuberpult_core.manifests import blob_id
from kuberpult_core.names import ApplicationName, Version, version_from


@lru_cache(maxsize=4096)
def _number(name: str) -> Version | None:
    try:
        return version_from(name)
    except InvalidName:
        return None


class Links:
    """The ids that links to an application's releases have: their text is known, so they need no reading."""

    __slots__ = ("_head", "_known", "_numbers")

    def __init__(self, application: ApplicationName, folders: Iterable[str]) -> None:
        """*folders* lie where the releases do; what is no release there is reported where those are listed."""
        self._head = layout.link_head(application)
        self._numbers = sorted(filter(None, map(_number, folders)))
        self._known: dict[str, Version] = {}

    def release_of(self, link: str) -> Version | None:
        """The release that the link of this id leads to; the newest are tried first, since most are in use."""
        found = self._known.get(link)
        while found is None:
            try:
                number = self._numbers.pop()
            except IndexError:  # all were tried, maybe by another thread just now
                return self._known.get(link)
            link_id = blob_id(self._head + str(number).encode())
            self._known[link_id] = number
            if link_id == link:
                found = number
        return found
