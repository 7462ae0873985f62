"""Whether all is tried, or of what is alike a part: ``make deep`` takes minutes more."""

import os

IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
