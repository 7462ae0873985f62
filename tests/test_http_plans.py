"""Plans, batches and differences over HTTP: the keys of ``-o json``, and nothing done unless it was asked for."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from kuberpult_core.access.policy import parse
from kuberpult_core.access.rights import Rights
from kuberpult_core.access.sight import Sight
from kuberpult_core.errors import UntrustedSignature
from kuberpult_http.desk import Caller
from tests.support import SOMEBODY
from tests.web import MANIFEST, SECRET, Client, manifests, small_service

DEPLOY = {"kind": "Deploy", "environment": "production", "application": "cart", "version": 1}


@pytest.fixture
def client() -> Iterator[Client]:
    with small_service() as client:
        yield client


def head(client: Client) -> Any:
    return client.get("/readyz").json()["commit"]


def test_a_plan_says_what_would_happen_and_does_nothing(client: Client) -> None:
    before = head(client)
    answer = client.post("/api/plan", json=DEPLOY)
    assert answer.status_code == 200
    data = answer.json()
    assert data["planned"] is True
    assert data["commit"] == before == data["plan"]["base"] == head(client)
    assert [it["words"] for it in data["facts"]] == data["plan"]["words"]
    assert "manifests" not in data


def test_a_plan_is_carried_out_once(client: Client) -> None:
    plan = client.post("/api/plan", json=DEPLOY).json()["plan"]
    tried = client.post("/api/apply?dry-run=true&diff=true", json=plan).json()
    assert tried["planned"] is True
    assert tried["manifests"][0]["environment"] == "production"
    done = client.post("/api/apply", json=plan)
    assert done.status_code == 200
    assert done.json()["planned"] is False
    assert done.json()["commit"] == head(client)
    again = client.post("/api/apply", json=plan)
    assert (again.status_code, again.json()["code"]) == (409, "plan_outdated")
    [difference] = again.json()["facts"]["difference"]
    assert difference == "cart on production: was <none> → 1, would now be left as it is"


def test_a_plan_that_was_changed_by_hand_is_refused(client: Client) -> None:
    plan = client.post("/api/plan", json=DEPLOY).json()["plan"]
    answer = client.post("/api/apply", json={**plan, "words": ["nothing of account"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_plan")


def test_a_batch_is_one_commit(client: Client) -> None:
    lock = {
        "kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": "freeze", "message": "Wait.",
    }  # fmt: skip
    answer = client.post("/api/batch", json={"commands": [DEPLOY, lock]})
    assert answer.status_code == 200
    assert [it["kind"] for it in answer.json()["facts"]] == ["Deployed", "LockCreated"]


def test_a_batch_is_all_or_nothing_and_names_the_place(client: Client) -> None:
    before = head(client)
    answer = client.post("/api/batch", json={"commands": [DEPLOY, {**DEPLOY, "version": "1"}]})
    assert answer.status_code == 422
    assert "at commands[1].version" in answer.json()["detail"]
    assert head(client) == before


def vault(version: int) -> dict[str, Any]:
    text = MANIFEST.format("vault", version) + "---\n" + SECRET.format(version)
    return {"version": version, "manifests": {"staging": text}}


@pytest.mark.parametrize("dry", ["true", "false"])
def test_differences_hide_secrets(client: Client, dry: str) -> None:
    url = "/api/applications/vault/releases"
    assert client.post(url, json=vault(7)).status_code == 201
    answer = client.post(f"{url}?diff=true&dry-run={dry}", json=vault(8))
    [found] = answer.json()["manifests"]
    assert (found["environment"], found["application"]) == ("staging", "vault")
    assert "+  version: '8'" in found["diff"]
    assert "password" in found["diff"]
    assert "hunter" not in found["diff"]


def who_reads(where: str) -> Caller:
    """Somebody who sees everything, and the manifests in a group."""
    policy = f"p, role:some, View, *:*, *, allow\np, role:some, ViewManifests, {where}, *, allow\n"
    return Caller(SOMEBODY, view=Sight(Rights.of(parse(policy, "policy"), ["some"], "Some")))


@pytest.mark.parametrize(
    ("caller", "seen"), [(Caller(SOMEBODY), 1), (who_reads("live:*"), 1), (who_reads("early:*"), 0)]
)
def test_differences_are_for_those_who_may_read_manifests(caller: Caller, seen: int) -> None:
    with small_service(caller=caller) as client:
        plan = client.post("/api/plan?diff=true", json=DEPLOY).json()
        assert len(plan["manifests"]) == seen
        done = client.post("/api/apply?diff=true", json=plan["plan"]).json()
        assert len(done["manifests"]) == seen


def test_a_prognosis_says_which_commits_come(client: Client) -> None:
    data = client.get("/api/environments/production/releasetrain/prognosis?diff=true").json()
    [row] = data["prognosis"]["applications"]
    assert (row["application"], row["to"], row["commits"][0]["commit"]) == ("cart", 1, "c0ffee")
    assert data["manifests"][0]["diff"].startswith("---")
    group = client.get("/api/environment-groups/live/releasetrain/prognosis").json()
    assert group["prognosis"] == data["prognosis"]
    assert "manifests" not in group


def test_a_form_makes_the_same_release_as_json(client: Client) -> None:
    parts: list[tuple[str, Any]] = [
        (f"manifests[{env}]", ("m.yaml", text.encode())) for env, text in manifests("cart", 2).items()
    ]
    fields = {"version": "2", "source_commit_id": "beef", "source_message": "Größer\n\nmore", "team": "shop"}
    first = client.post("/api/applications/cart/releases", data=fields, files=parts)
    assert first.status_code == 201
    body = {**fields, "version": 2, "manifests": manifests("cart", 2)}
    second = client.post("/api/applications/cart/releases", json=body)
    assert (second.status_code, second.json()["commit"]) == (200, None)
    different = client.post("/api/applications/cart/releases", json={**body, "source_message": "Other"})
    assert (different.status_code, different.json()["code"]) == (409, "release_exists_different")


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"version": "two"}, {"manifests[staging]": ("m", MANIFEST.format("a", 1))}),
        ({"versoin": "2"}, {"manifests[staging]": ("m", MANIFEST.format("a", 1))}),
        ({}, {"manifests[staging]": ("m", b"\xff")}),
    ],
)
def test_a_form_with_a_fault_is_refused(client: Client, fields: Any, files: Any) -> None:
    answer = client.post("/api/applications/cart/releases", data=fields, files=files)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_form")


def test_a_signature_is_never_passed_over(client: Client) -> None:
    body = {"manifests": manifests("cart", 2), "signatures": {"staging": "-----BEGIN"}}
    answer = client.post("/api/applications/cart/releases", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "untrusted_signature")
    plan = client.post("/api/plan", json={**DEPLOY}).json()["plan"]
    plan["command"] = {"kind": "CreateRelease", "application": "cart", **body}
    assert client.post("/api/apply", json=plan).json()["code"] == "untrusted_signature"
    batch = {"commands": [{"kind": "CreateRelease", "application": "cart", **body}]}
    assert client.post("/api/batch", json=batch).json()["code"] == "untrusted_signature"


@attrs.define
class Ring:
    """A keyring that finds everything good but what says that it is bad."""

    seen: list[tuple[bytes, bytes, str]] = attrs.field(factory=list)

    def verify(self, content: bytes, signature: bytes, what: str) -> None:
        """Note what is asked."""
        self.seen.append((content, signature, what))
        if signature == b"bad":
            raise UntrustedSignature(what, "it is bad")


@attrs.frozen
class Keys:
    """As much of the access as signatures need."""

    keyring: Ring


def test_a_signature_is_verified_for_its_content() -> None:
    ring = Ring()
    with small_service(access=Keys(ring)) as client:
        body = {"manifests": manifests("cart", 2), "signatures": {"staging": "good"}}
        assert client.post("/api/applications/cart/releases", json=body).status_code == 201
        assert ring.seen == [
            (manifests("cart", 2)["staging"].encode(), b"good", "the manifest of cart for staging")
        ]
        url = "/api/environments/staging/locks/freeze"
        assert client.put(url, json={"message": "x", "signature": "good"}).status_code == 200
        assert ring.seen[-1][0] == b"stagingfreeze"
        assert client.request("DELETE", url, json={"signature": "bad"}).status_code == 403
        assert [it["id"] for it in client.get("/api/locks").json()] == ["freeze"]


def test_forms_and_the_go_tools_addresses_verify_signatures_too() -> None:
    ring = Ring()
    with small_service(access=Keys(ring)) as client:
        parts = {"manifests[staging]": ("m", MANIFEST.format("mail", 1)), "signatures[staging]": ("s", "bad")}
        for path, words in (("/release", {"application": "mail"}), ("/api/applications/mail/releases", {})):
            assert client.post(path, data=words, files=parts).status_code == 403
        assert ring.seen[0] == ring.seen[1]
        assert client.put("/environments/staging/releasetrain", content=b"bad").status_code == 403
        assert ring.seen[-1] == (b"staging", b"bad", "the train to 'staging'")
        config = {"config": ("c", "{}"), "signature": ("s", "bad")}
        assert client.post("/environments/new", files=config).status_code == 403
        assert ring.seen[-1][0] == b"{}"


def test_a_train_is_planned_with_its_prognosis_if_that_is_asked_for(client: Client) -> None:
    train = {"kind": "ReleaseTrain", "target": "production"}
    assert "prognosis" not in client.post("/api/plan", json=train).json()
    found = client.post("/api/plan?prognosis=true", json=train).json()["prognosis"]
    assert found == client.get("/api/environments/production/releasetrain/prognosis").json()["prognosis"]
    assert "prognosis" not in client.post("/api/plan?prognosis=true", json=DEPLOY).json()


def test_a_batch_in_a_batch_is_refused(client: Client) -> None:
    answer = client.post("/api/batch", json={"commands": [{"kind": "Batch", "commands": []}]})
    assert answer.status_code == 422
