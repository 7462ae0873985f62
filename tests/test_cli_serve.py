"""``kuberpult serve``: it starts, answers and ends; and it says in our words why it cannot start."""

import json
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.cli import PATIENCE, Desk, new_desk, serving


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = new_desk(tmp_path)
    made.run("lock", "expire")  # a service does it by itself, at a time of its own
    return made


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_starts_answers_and_ends_in_peace(desk: Desk, ending: signal.Signals) -> None:
    with serving(desk) as (address, process):
        with urllib.request.urlopen(f"{address}/api/overview", timeout=PATIENCE) as response:
            answer = json.load(response)
        assert answer == json.loads(desk.run("overview", "-o", "json").out)
        process.send_signal(ending)
        assert process.wait(PATIENCE) in (0, 130)


def test_a_port_that_is_taken_is_said_before_anything_starts(desk: Desk) -> None:
    with serving(desk) as (address, _):
        port = address.rpartition(":")[2]
        ran = desk.call("serve", "--port", port)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"Error: Nothing can listen on 127.0.0.1 port {port}: Address already in use.\n"
        "Hint: Name another place with --host and --port; port 0 is any that is free.\n"
    )
