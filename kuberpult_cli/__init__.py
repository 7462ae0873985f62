"""The command line, a thin skin over :mod:`kuberpult_core`: parse, call, print. No rules here."""
