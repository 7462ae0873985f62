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
    if not _knows(request, secret.encode(), await body_of(request, options.most_body)):
        raise HttpProblem(403, "wrong_secret", "The secret is missing or wrong.", f"Send it as {PLAIN[0]}.")
    follower: Follower = request.app.state.follower
    follower.look_now(refresh=True)
    return Response(status_code=204)


def _knows(request: Request, secret: bytes, body: bytes) -> bool:
    """Whether a header proves it. How long that takes says nothing of the secret."""
    given = [request.headers[name].encode("latin-1") for name in PLAIN if name in request.headers]
    signature = request.headers.get(SIGNED, "")
    digest = _SCHEME + hmac.new(secret, body, hashlib.sha256).hexdigest()
    is_signed = hmac.compare_digest(signature.encode("latin-1"), digest.encode())
    return any(hmac.compare_digest(it, secret) for it in given) or is_signed
