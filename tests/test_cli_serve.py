"""``kuberpult serve``: it starts, answers and ends; and it says in our words why it cannot start."""

import json
import signal
import urllib.error
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


def test_nobody_opens_it_to_others_by_mistake(desk: Desk) -> None:
    ran = desk.call("serve", "--host", "0.0.0.0", "--port", "0")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: Who may do what cannot be told from the address '0.0.0.0': ")


def test_with_tokens_it_answers_who_has_one(desk: Desk, tmp_path: Path) -> None:
    token = desk.run("token", "create", "--tokens", "tokens", "--role", "admin").out.strip()
    (tmp_path / "policy").write_text("p, role:admin, *, *:*, *, allow\n")
    files = ("--tokens", str(tmp_path / "tokens"), "--policy", str(tmp_path / "policy"))
    with serving(desk, *files) as (address, _):
        asked = urllib.request.Request(f"{address}/api/queue", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as response:
            assert response.status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/api/queue", timeout=PATIENCE)
        assert refused.value.code == 401
        refused.value.close()
