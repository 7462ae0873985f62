"""The web UI: pages made on the server from the same questions, commands and plans as the API has.

A page is a function from a :class:`~kuberpult_http.ui.looking.Look` to a response; :mod:`.pages` has the
table of them. Templates show what they are given and decide nothing.
"""

from kuberpult_http.ui.pages import routes

__all__ = ["routes"]
