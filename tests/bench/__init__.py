"""The benchmark: fleets, what is measured on them, what it is measured against, and the table.

`make bench` runs it; `python -m tests.bench --help` has the options.
"""
