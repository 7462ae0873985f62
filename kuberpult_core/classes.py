"""``frozen`` and ``define`` of attrs, for modules with many classes that every process imports.

attrs writes and compiles the methods of a class when it is made. One ``__repr__`` for all gives the
same text, and a third less to compile; it is seldom asked for, and may be slow.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

__all__ = ["define", "frozen"]

T = TypeVar("T")

if TYPE_CHECKING:  # type checkers know these two by name
    from attrs import define, frozen
else:

    def frozen(cls: type[T]) -> type[T]:
        """Class decorator: as :func:`attrs.frozen`."""
        return attrs.frozen(_showing(cls))

    def define(cls: type[T]) -> type[T]:
        """Class decorator: as :func:`attrs.define`."""
        return attrs.define(_showing(cls))


def _showing(cls: type[T]) -> type[T]:
    """*cls* with the common ``__repr__``, which attrs leaves as it is; unless it has one of its own."""
    if "__repr__" not in vars(cls):
        cls.__repr__ = _shown  # type: ignore[method-assign]  # what a class decorator is for
    return cls


def _shown(self: Any) -> str:
    """The class and its fields, as attrs shows them."""
    cls = type(self)
    name = cls.__qualname__.rpartition(">.")[2]
    return f"{name}({', '.join(f'{it.name}={getattr(self, it.name)!r}' for it in attrs.fields(cls) if it.repr)})"
