"""The HTTP service and its web UI, a thin skin over :mod:`kuberpult_core`; no features yet."""
