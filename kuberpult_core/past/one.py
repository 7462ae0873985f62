"""One commit as people look at it: what happened, what was asked for, what came before and after."""

import json

from kuberpult_core.codec import logged_command
from kuberpult_core.journal import spoken
from kuberpult_core.past.log import Data, Entry, entry_view
from kuberpult_core.ports import ObjectId


def commit_view(logged: Entry, after: ObjectId | None, *, sees_all: bool) -> Data:
    """An entry of the log with all that there is to say of it, for those who may see it.

    A command may name places of which nothing became a fact, and the commits around it may be hidden:
    only who *sees_all* is told of them.
    """
    tells = logged.command is not None and sees_all
    return {
        **entry_view(logged, logged.told),
        "message": logged.commit.message if sees_all else spoken(logged.commit.message),
        "asked": json.loads(logged_command(logged.command)) if logged.command is not None and tells else None,
        "before": logged.commit.parent if sees_all else None,
        "after": after if sees_all else None,
    }
