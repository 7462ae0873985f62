"""An example of each body, for the API's description."""

from collections.abc import Mapping
from typing import Any

_MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cart\n"
EXAMPLES: Mapping[str, dict[str, Any]] = {
    "CreateEnvironment": {"config": {"upstream": {"environment": "staging"}, "environmentGroup": "live"}},
    "UpdateEnvironment": {"patch": {"environmentGroup": "live"}},
    "DeleteEnvironment": {"ignore_locks": True},
    "DeleteApplication": {"allow_cascade": True},
    "SetTeam": {"team": "checkout"},
    "Cleanup": {},
    "RemoveApplicationFromEnvironment": {"ignore_locks": True},
    "CreateRelease": {"manifests": {"staging": _MANIFEST}, "version": 12, "source_message": "Keep the cart"},
    "Deploy": {"version": 12, "lock_behavior": "queue"},
    "CreateLock": {"message": "It loses items.", "link": "https://issues.example.com/4711"},
    "DeleteLock": {"queued": "discard"},
    "ExpireLocks": {"now": "2026-01-01T00:00:00Z"},
    "CancelQueued": {},
    "ReleaseTrain": {"lock_behavior": "fail"},
    "UpdateSettings": {"patch": {"keepReleases": 40}},
    "Undo": {"allow_cascade": True},
    "Batch": {
        "commands": [{"kind": "Deploy", "environment": "production", "application": "cart", "version": 12}],
    },
}
COMMAND = {"kind": "Deploy", "environment": "production", "application": "cart", "version": 12}
