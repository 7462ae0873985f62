"""How many examples the properties are tried with: HYPOTHESIS_PROFILE is "quick" (the default) or "deep"."""

import os
import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.browser"]

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=False,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=1500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# Whoever runs the tests in the background may have told them to ignore Ctrl-C, and so all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
