"""YAML text with a fixed form: the same value gives the same bytes, today and in ten years."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import yaml

Value = str | bool | Sequence["Value"] | Mapping[str, "Value"]

_PLAINLY_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""What some YAML reader takes for something else than text, in any case of letters."""
_SIMPLE_KEY = 1000
"""Characters of a key before its colon; YAML readers give up at 1024."""
_UNLIMITED = 2**30
_Dumper: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@lru_cache(maxsize=4096)
def scalar(text: str) -> str:
    """*text* as a scalar that every YAML reader, of 1.1 and 1.2, takes for this text.

    What is not plainly safe goes through the YAML emitter, always quoted: its own choice
    of plain style knows YAML 1.1 only, where ``1e3`` is text.
    """
    if _PLAINLY_SAFE.fullmatch(text) and text.lower() not in WORDS:
        return text
    emitted: str = yaml.dump(text, Dumper=_Dumper, default_style='"', width=_UNLIMITED, allow_unicode=True)
    return emitted.removesuffix("\n")


def block(value: Mapping[str, Value], indent: int = 0) -> str:
    """*value* as a block mapping, its keys in the order given, every line ended."""
    return "".join(f"{line}\n" for line in _mapping(value, " " * indent))


def _mapping(value: Mapping[str, Value], margin: str) -> Iterator[str]:
    for key, item in value.items():
        written = scalar(key)
        if len(written) <= _SIMPLE_KEY:
            yield from _entry(f"{margin}{written}:", item, margin)
        else:
            yield f"{margin}? {written}"
            yield from _entry(f"{margin}:", item, margin)


def _sequence(value: Sequence[Value], margin: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, f"{margin}  ")
            yield f"{margin}- {first.removeprefix(f'{margin}  ')}"
            yield from rest
        elif isinstance(item, str | bool | Mapping) or not item:
            yield from _entry(f"{margin}-", item, margin)
        else:
            yield f"{margin}-"
            yield from _sequence(item, f"{margin}  ")


def _entry(head: str, item: Value, margin: str) -> Iterator[str]:
    if isinstance(item, bool):
        yield f"{head} {str(item).lower()}"
    elif isinstance(item, str):
        yield f"{head} {scalar(item)}"
    elif isinstance(item, Mapping):
        yield head if item else f"{head} {{}}"
        yield from _mapping(item, f"{margin}  ")
    else:
        yield head if item else f"{head} []"
        yield from _sequence(item, margin)
