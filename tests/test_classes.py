"""Classes that share their ``__repr__`` show themselves as attrs would show them."""

from typing import Any

import attrs
import pytest

from kuberpult_core import Cleanup, Deploy, ReleaseTrain, UpstreamThen, classes
from kuberpult_core.errors import UnknownApplication
from kuberpult_core.names import ApplicationName


class Outer:
    class Inner:
        text: str = "a'b"
        hidden: int = attrs.field(default=1, repr=False)
        several: tuple[object, ...] = (Cleanup("cart"), None)


def made(decorator: Any, body: type) -> object:
    """An object of a class like *body*, which is left as it is."""
    copied = type(
        body.__name__, (), {key: it for key, it in vars(body).items() if key not in ("__dict__", "__weakref__")}
    )
    copied.__qualname__ = body.__qualname__
    instance: object = decorator(copied)()
    return instance


@pytest.mark.parametrize("kind", ["frozen", "define"])
def test_the_text_is_that_of_attrs(kind: str) -> None:
    class Local:
        number: int = 2

    for body in (Outer.Inner, Local):
        assert repr(made(getattr(classes, kind), body)) == repr(made(getattr(attrs, kind), body))


def test_a_class_keeps_a_text_of_its_own() -> None:
    class Own:
        def __repr__(self) -> str:
            return "mine"

    assert repr(made(classes.frozen, Own)) == "mine"


def test_commands_and_errors_show_their_fields() -> None:
    train = ReleaseTrain("staging", from_state=UpstreamThen("HEAD"))
    assert "from_state=UpstreamThen(revision='HEAD'" in repr(train)
    assert repr(Deploy("staging", "cart", 2)).startswith(
        "Deploy(environment='staging', application='cart', version=2, "
    )
    assert repr(UnknownApplication(ApplicationName("cart"))) == "UnknownApplication(application='cart')"


def test_a_frozen_class_is_frozen_and_compares_by_its_fields() -> None:
    assert Cleanup("cart") == Cleanup("cart")
    assert hash(Cleanup("cart")) == hash(Cleanup("cart"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Cleanup("cart").application = ApplicationName("mail")  # type: ignore[misc]  # trying is the test
