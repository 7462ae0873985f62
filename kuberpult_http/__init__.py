"""The HTTP service and its web UI: a thin skin over :mod:`kuberpult_core`. No rules here."""
