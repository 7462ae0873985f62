"""Faults on purpose: disks that are full, fail, or lose power; processes that die; lines that break.

`make faults` tries a fault at every step of a run and writes docs/failures.md.
"""
