"""The service as a process: how it starts and ends, what it does by itself, what it says of itself."""

import hashlib
import hmac
import json
import signal
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from kuberpult_core import (
    Actor,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Target,
    init_repository,
    open_repository,
)
from kuberpult_core.service import utc_now
from tests.served import Listener, Served, served, until

ADA = Actor("Ada", "ada@example.com")
QUICK = 2.0
"""Seconds for an end without work; it takes far less than one on a machine that is not busy."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    where = tmp_path / "manifests.git"
    with init_repository(where) as made:
        made.apply(CreateEnvironment("staging", {"upstream": {"latest": True}}), ADA)
    return where


def release(application: str = "cart", version: int | None = None) -> CreateRelease:
    return CreateRelease(application, {"staging": f"kind: A\nn: {version}\n"}, version=version)


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_nothing_to_do_and_somebody_who_listens_when_told_to_end_then_it_ends_at_once(
    repository: Path, tmp_path: Path, number: int
) -> None:
    with served(repository, tmp_path) as service:
        listener = Listener(service)
        with service.client() as idle:
            assert idle.get("/healthz").text == "ok\n"  # and the connection stays open
            seconds = service.ended(number)
        assert listener.next() is None
        assert service.process.returncode == 0
        assert seconds < QUICK


def test_given_a_body_under_way_when_told_to_end_then_it_is_answered_first(
    repository: Path, tmp_path: Path
) -> None:
    body = json.dumps({"if_exists": "update", "config": {}}).encode()
    with served(repository, tmp_path) as service, raw(service) as line:
        head = "PUT /api/environments/late HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        line.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body))
        wait_for(lambda: in_flight(service) > 1)
        ender = threading.Thread(target=service.ended)
        ender.start()
        wait_for(lambda: any("Shutting down" in it for it in service.lines))
        line.sendall(body)
        answer = line.makefile("rb").read()
        ender.join()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert service.process.returncode == 0
    with open_repository(repository) as opened:
        assert "late" in opened.state().environments


def test_given_a_body_that_never_comes_when_the_time_of_grace_is_over_then_it_ends(
    repository: Path, tmp_path: Path
) -> None:
    with served(repository, tmp_path, "--grace", "1") as service, raw(service) as line:
        line.sendall(b"PUT /api/environments/late HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
        wait_for(lambda: in_flight(service) > 1)
        assert 1 <= service.ended() < 1 + QUICK
        assert service.process.returncode == 0


def test_given_work_that_is_stuck_when_the_time_of_grace_is_over_then_the_process_is_torn_away_from_it(
    repository: Path, tmp_path: Path
) -> None:
    with served(repository, tmp_path, "--grace", "0") as service, raw(service) as line:
        (repository / "refs/heads/main.lock").touch()  # somebody holds the branch, for longer than the grace
        head = b"PUT /api/environments/late HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        line.sendall(head + b"Content-Length: 2\r\n\r\n{}")
        wait_for(lambda: in_flight(service) > 1)
        assert service.ended() < 3 + 2 * QUICK
        assert service.process.returncode == 1


def raw(service: Served) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), 30)


def wait_for(is_so: object) -> None:
    assert callable(is_so)
    next(until(lambda: [True] if is_so() else []))


def in_flight(service: Served) -> float:
    return number(service, "kuberpult_requests_in_flight")


def number(service: Served, name: str) -> float:
    with service.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return next((float(it.rpartition(" ")[2]) for it in lines if it.rpartition(" ")[0] == name), 0.0)


# What it does by itself


def test_given_another_process_that_changes_the_branch_then_those_who_listen_hear_of_it(
    repository: Path, tmp_path: Path
) -> None:
    with served(repository, tmp_path) as service, open_repository(repository) as other:
        listener = Listener(service)
        done = other.apply(release(), ADA)
        told = listener.next()
        assert told is not None
        assert told.id == done.commit
        with service.client() as client:
            assert client.get("/api/overview").headers["etag"] == f'"{done.commit}"'


def test_given_a_lock_whose_time_is_past_then_it_is_deleted_and_what_waited_is_deployed(
    repository: Path, tmp_path: Path
) -> None:
    with open_repository(repository) as other:
        now = utc_now()
        lock = CreateLock(Target("staging"), "short", "brief", expires_at=now - timedelta(minutes=1))
        other.apply(lock, ADA, now - timedelta(minutes=2))
        known = other.apply(release(version=1), ADA).commit
        assert known
        assert other.state().placement("staging", "cart").version is None
        with served(repository, tmp_path) as service:
            told = Listener(service, known).next()
        assert told is not None
        assert told.data["command"] == "ExpireLocks"
        assert other.state().placement("staging", "cart").version == 1


@pytest.fixture
def far(repository: Path) -> str:
    return repository.as_uri()


SECRET = "a secret of some length"


@pytest.mark.parametrize("way", ["poll", "plain", "gitlab", "github"])
def test_given_a_push_to_the_remote_when_it_is_asked_then_those_who_listen_hear_of_it(
    repository: Path, far: str, tmp_path: Path, way: str
) -> None:
    seconds = "0.2" if way == "poll" else "600"
    with (
        served(far, tmp_path, "--poll", seconds, KUBERPULT_REFRESH_SECRET=SECRET) as service,
        open_repository(repository) as other,
    ):
        wait_for(lambda: number(service, "kuberpult_following") == 1)
        listener = Listener(service)
        done = other.apply(release(), ADA)
        body = b'{"ref": "refs/heads/main"}'
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "poll": {},
            "plain": {"X-Kuberpult-Secret": SECRET},
            "gitlab": {"X-Gitlab-Token": SECRET},
            "github": {"X-Hub-Signature-256": f"sha256={digest}"},
        }[way]
        if headers:
            with service.client() as client:
                assert client.post("/api/refresh", content=body, headers=headers).status_code == 204
        told = listener.next()
        assert told is not None
        assert told.id == done.commit


def test_given_a_wrong_secret_or_none_then_nothing_is_asked(repository: Path, tmp_path: Path) -> None:
    with served(repository, tmp_path, KUBERPULT_REFRESH_SECRET=SECRET) as service, service.client() as client:
        for headers in (
            {},
            {"X-Gitlab-Token": "guess"},
            {"X-Hub-Signature-256": "sha256=00"},
            {"X-Hub-Signature-256": b"\xff"},
        ):
            answer = client.post("/api/refresh", headers=headers)  # type: ignore[arg-type]  # bytes are a header, too
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_secret")
        assert not any(SECRET in line for line in service.lines)
    with served(repository, tmp_path) as service, service.client() as client:
        assert client.post("/api/refresh").status_code == 404


# What it says of itself


def test_each_request_has_one_line_of_json_without_anything_secret(repository: Path, tmp_path: Path) -> None:
    with served(repository, tmp_path) as service, service.client() as client:
        kept = client.get(
            "/api/overview?env=staging",
            headers={"X-Request-Id": "ci/1", "Authorization": "Bearer hunter2", "Cookie": "a=hunter2"},
        )
        made = client.put("/api/environments/two", headers={"X-Request-Id": "no\tgood"}, json={"config": {}})
        odd = client.get("/api/environments/%1b%5b31m" + "x" * 500 + "?token=hunter2")
        wait_for(lambda: len(service.requests()) == 3)
        one, two, three = service.requests()
    assert kept.headers["x-request-id"] == one["request_id"] == "ci/1"
    assert {
        "method": "GET",
        "route": "/api/overview",
        "path": "/api/overview",
        "status": 200,
    }.items() <= one.items()
    assert one["commit"] == kept.headers["etag"].strip('"')
    assert made.headers["x-request-id"] == two["request_id"] != "no\tgood"
    assert (two["command"], two["outcome"], two["commit"]) == ("CreateEnvironment", "done", made.json()["commit"])
    assert odd.status_code in (404, 422)
    assert three["route"] == "/api/environments/{env}"
    assert len(three["path"]) < 250
    assert "\x1b" not in three["path"]
    assert not any("hunter2" in line for line in service.lines)


def test_given_text_is_wanted_then_the_log_is_text(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError), served(repository, tmp_path, "--log-format", "text"):
        pass


def test_metrics_count_what_is_done_and_name_nothing_that_users_name(repository: Path, tmp_path: Path) -> None:
    with served(repository, tmp_path) as service, service.client() as client:
        client.put("/api/environments/staging/locks/hold", json={"message": "wait"}).raise_for_status()
        client.put("/api/environments/nowhere/locks/hold", json={"message": "wait"})
        client.post("/api/applications/cart/releases", json={"manifests": {"staging": "a: 1"}}).raise_for_status()
        client.get("/api/locks")
        client.get("/nothing/here")
        text = client.get("/metrics").text
        listener = Listener(service)
        assert number(service, "kuberpult_event_streams") == 1
        assert listener.told.empty()
    lines = dict(it.rsplit(" ", 1) for it in text.splitlines() if not it.startswith("#"))
    assert lines['kuberpult_commands_total{kind="CreateLock",outcome="done"}'] == "1.0"
    assert lines['kuberpult_commands_total{kind="CreateLock",outcome="unknown_environment"}'] == "1.0"
    assert lines['kuberpult_locks{on="environment"}'] == "1.0"
    assert lines["kuberpult_queued_placements"] == "1.0"
    assert lines['kuberpult_pushes_total{outcome="published"}'] == "2.0"
    assert lines["kuberpult_published_commits_total"] == "2.0"
    assert lines['kuberpult_requests_total{method="GET",route="/api/locks",status="200"}'] == "1.0"
    assert lines['kuberpult_requests_total{method="GET",route="other",status="404"}'] == "1.0"
    assert float(lines["kuberpult_decision_seconds_count"]) >= 2
    assert not any(name in text for name in ("staging", "nowhere", "cart", "hold"))


def test_every_answer_has_the_headers_that_browsers_need(repository: Path, tmp_path: Path) -> None:
    with served(repository, tmp_path) as service, service.client() as client:
        for path in ("/api/overview", "/nothing", "/healthz", "/api/environments/none"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert headers["referrer-policy"] == "no-referrer"


def test_given_a_remote_that_is_down_at_the_start_then_the_copy_is_served_until_it_is_back(
    repository: Path, far: str, tmp_path: Path
) -> None:
    away = repository.with_name("away.git")
    with served(far, tmp_path):
        pass  # the copy is made
    repository.rename(away)
    with served(far, tmp_path, "--poll", "0.2") as service, service.client() as client:
        assert "staging" in client.get("/api/overview").text
        wait_for(lambda: client.get("/readyz").status_code == 503)
        assert "not appear to be a git repository" in client.get("/readyz").json()["problem"]
        refused = client.put("/api/environments/two", json={"config": {}})
        assert (refused.status_code, refused.json()["code"]) == (503, "remote_unavailable")
        away.rename(repository)
        wait_for(lambda: client.get("/readyz").status_code == 200)
        assert client.put("/api/environments/two", json={"config": {}}).status_code == 200


def test_given_a_repository_that_is_gone_then_nothing_is_answered_as_if_it_were_empty(
    repository: Path, tmp_path: Path
) -> None:
    with served(repository, tmp_path) as service, service.client() as client:
        assert client.get("/readyz").status_code == 200
        repository.rename(repository.with_name("away.git"))
        wait_for(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/api/overview").status_code == 503
        wait_for(lambda: any("not there any more" in it.get("problem", "") for it in service.requests()))
        repository.with_name("away.git").rename(repository)
        wait_for(lambda: client.get("/readyz").status_code == 200)
        assert "staging" in client.get("/api/overview").text
        assert len([it for it in service.log if it["level"] == "warning"]) <= 2
