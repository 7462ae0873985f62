"""Who asks, and what they may do: tokens, OIDC, an authenticating proxy, sessions of browsers."""

from kuberpult_http.access.access import Access
from kuberpult_http.access.gate import middleware
from kuberpult_http.access.options import AccessOptions, OidcOptions, ProxyOptions

__all__ = ["Access", "AccessOptions", "OidcOptions", "ProxyOptions", "middleware"]
