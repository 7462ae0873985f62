"""The console script, and ``python -m kuberpult_cli``."""

import gc
import sys

_MANY = 100_000
"""New objects before Python looks for cycles among them, in place of 700."""


def run() -> int:
    """Run the command line in a process of its own; returns the exit code.

    Such a process ends soon, and what it imports and reads lives until then, so it is seldom looked
    through for garbage, and at the end not once more. A long run is still kept in bounds.
    """
    gc.set_threshold(_MANY)
    from kuberpult_cli.main import main  # noqa: PLC0415 - the imports are most of what would be looked through

    code = main()
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(run())
