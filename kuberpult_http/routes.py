"""The routes of the API, which are those of :mod:`kuberpult_core.routes`; what is neither is in the app."""

from kuberpult_core.routes import ROUTES, Ask, Change, Route

__all__ = ["ROUTES", "Ask", "Change", "Route"]
