"""``POST /api/refresh``: a git server says that something was pushed, so nobody has to wait for the next look."""

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from kuberpult_http.bodies import body_of
from kuberpult_http.following import Follower
from kuberpult_http.problems import HttpProblem

PLAIN = ("x-kuberpult-secret", "x-gitlab-token")
"""Headers that hold the secret itself."""
SIGNED = "x-hub-signature-256"
"""GitHub's and Gitea's header: a digest of the body under the secret."""
_SCHEME = "sha256="
MOST = 25 * 1024 * 1024
"""Bytes of what a git server tells: as much as GitHub sends."""


async def refresh(request: Request) -> Response:
    """Ask the remote now. 204: it is going to be asked."""
    options = request.app.state.options
    secret: str | None = options.refresh_secret
    if not secret:
        raise HttpProblem(
            404,
            "no_refresh_secret",
            "This service takes no word of pushes.",
            "Start it with the variable KUBERPULT_REFRESH_SECRET set.",
        )
    if not await _knows(request, secret.encode()):
        raise HttpProblem(403, "wrong_secret", "The secret is missing or wrong.", f"Send it as {PLAIN[0]}.")
    follower: Follower = request.app.state.follower
    follower.look_now(refresh=True)
    return Response(status_code=204)


async def _knows(request: Request, secret: bytes) -> bool:
    """Whether a header proves it. How long that takes says nothing of the secret.

    The body is read only if it may be what proves it: whoever asks here need not have signed in.
    """
    given = [request.headers[name].encode("latin-1") for name in PLAIN if name in request.headers]
    if any(hmac.compare_digest(it, secret) for it in given):
        return True
    signature = request.headers.get(SIGNED)
    if signature is None:
        return False
    digest = _SCHEME + hmac.new(secret, await body_of(request, MOST), hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature.encode("latin-1"), digest.encode())
