"""Work in a thread that nobody has to wait for: it does not keep the process from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def aside(function: Callable[[], T]) -> T:
    """What *function* returns or raises. Who is cancelled meanwhile leaves it to itself."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def answer(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def work() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - it is the caller's, whatever it is
            _call(loop, fail, error)
        else:
            _call(loop, answer, result)

    threading.Thread(target=work, name="kuberpult aside", daemon=True).start()
    return await future


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[T], None], argument: T) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(function, argument)
