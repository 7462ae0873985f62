"""Tokens: the file that keeps their hashes, and the command that writes it."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from kuberpult_core import Actor, tokens
from kuberpult_core.errors import InvalidAccess, InvalidCommand, KuberpultError, StoreUnavailable
from kuberpult_core.tokens import Token
from tests.cli import Desk, Ran
from tests.support import NOON


def saved(path: Path, *known: Token) -> None:
    tokens.changed(path, lambda before: {**before, **{it.id: it for it in known}})


# The token


def test_a_token_is_found_by_its_text_and_by_nothing_else() -> None:
    token, text = tokens.new("CI", ("ci",), NOON)
    other, other_text = tokens.new("CI", ("ci",), NOON)
    known = {it.id: it for it in (token, other)}
    assert tokens.found(known, text) == token
    secret = text.split("_", 2)[2]
    wrong = [
        "", "kpt_", text[:-1], text + "A", text.upper(), f" {text}", f"{text}\n", secret,
        f"kpt_{other.id}_{other_text[len('kpt_') + 13:][::-1]}", f"kpt_{other.id}_{text[17:]}",
        f"kpt_{token.id}_{token.hash[:43]}", f"kpt_000000000000_{text[17:]}",
    ]  # fmt: skip
    assert [it for it in wrong if tokens.found(known, it)] == []
    assert tokens.found({}, text) is None


def test_two_tokens_are_never_the_same() -> None:
    assert len({tokens.new("CI", ("ci",), NOON)[1] for _ in range(100)}) == 100


def test_neither_the_secret_nor_its_hash_is_in_what_is_printed_of_a_token() -> None:
    token, text = tokens.new("CI", ("ci",), NOON)
    assert text.split("_", 2)[2] not in repr(token)
    assert token.hash not in repr(token)


def test_a_token_ends_when_it_says() -> None:
    token, _ = tokens.new("CI", ("ci",), NOON, expires=NOON + timedelta(days=1))
    assert [token.is_expired(NOON + timedelta(hours=it)) for it in (0, 23, 24, 25)] == [False, False, True, True]


@pytest.mark.parametrize(
    "given",
    [
        {"roles": ()},
        {"roles": ("role:ci",)},
        {"roles": ("",)},
        {"name": ""},
        {"name": "a\x1bb"},
        {"name": "n" * 101},
    ],
)
def test_a_token_that_means_nothing_is_not_made(given: dict[str, object]) -> None:
    with pytest.raises(InvalidCommand):
        tokens.new(**{"name": "CI", "roles": ("ci",), "now": NOON, **given})  # type: ignore[arg-type]  # that is tested


def test_a_token_whose_author_git_cannot_keep_is_not_made() -> None:
    with pytest.raises(KuberpultError):
        tokens.new("CI", ("ci",), NOON, author=Actor("Eve\nparent 1", "eve@example.com"))


# The file


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    assert tokens.read(path) == {}
    first, _ = tokens.new("CI", ("ci", "dev"), NOON, expires=NOON, may_act_for_others=True)
    second, _ = tokens.new("Ünï", ("dev",), NOON, author=Actor("Ada", "ada@example.com"))
    saved(path, first)
    saved(path, second)
    assert tokens.read(path) == {first.id: first, second.id: second}
    assert len(path.read_text().splitlines()) == 2


def test_the_file_holds_no_secret_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    token, text = tokens.new("CI", ("ci",), NOON)
    saved(path, token)
    assert text.split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(it.name for it in tmp_path.iterdir()) == ["tokens", "tokens.lock"]


def test_the_file_is_replaced_as_a_whole_and_a_link_to_it_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    first, _ = tokens.new("CI", ("ci",), NOON)
    saved(real, first)
    before = real.stat().st_ino
    link.symlink_to(real)
    saved(link, tokens.new("CI", ("ci",), NOON)[0])
    assert link.is_symlink()
    assert real.stat().st_ino != before
    assert len(tokens.read(real)) == 2


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    saved(path, tokens.new("CI", ("ci",), NOON)[0])
    before = path.read_bytes()

    def failing(_known: Mapping[str, Token]) -> Mapping[str, Token]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tokens.changed(path, failing)
    assert path.read_bytes() == before
    assert not [it for it in tmp_path.iterdir() if it.name not in ("tokens", "tokens.lock")]


def test_those_who_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    made = [tokens.new("CI", ("ci",), NOON)[0] for _ in range(8)]
    threads = [threading.Thread(target=saved, args=(path, it)) for it in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(tokens.read(path)) == {it.id for it in made}


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        saved(tmp_path / "nowhere" / "tokens", tokens.new("CI", ("ci",), NOON)[0])


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o660, 0o644, 0o666, 0o777, 0o700 | 0o010])
def test_a_file_that_others_could_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "tokens"
    saved(path, tokens.new("CI", ("ci",), NOON)[0])
    path.chmod(mode)
    with pytest.raises(InvalidAccess, match=f"{mode:04o}"):
        tokens.read(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_file_as_a_secret_is_mounted_is_taken(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "tokens"
    saved(path, tokens.new("CI", ("ci",), NOON)[0])
    path.chmod(mode)
    assert len(tokens.read(path)) == 1


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokens"
    saved(path, tokens.new("CI", ("ci",), NOON)[0])
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)  # only root can give it away
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InvalidAccess, match="somebody else"):
        tokens.read(path)


def line(**changes: object) -> bytes:
    token, _ = tokens.new("CI", ("ci",), NOON)
    data = {**json.loads(tokens.rendered({token.id: token})), **changes}
    return json.dumps({key: value for key, value in data.items() if value != "left out"}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff",
        line(id="../../etc"),
        line(hash="0"),
        line(hash="left out"),
        line(roles=[]),
        line(roles="ci"),
        line(created="yesterday"),
        line(expires=5),
        line(may_act_for_others="yes"),
        line(more=1),
        line(author={"name": "Eve\n", "email": ""}),
        line(id="0" * 12) + b"\n" + line(id="0" * 12),
        b" " * (tokens.MAX_BYTES + 1),
    ],
    ids=range(17),
)
def test_a_file_that_means_nothing_is_refused_with_its_line(content: bytes) -> None:
    with pytest.raises(InvalidAccess) as raised:
        tokens.parsed(content, "tokens")
    assert raised.value.where.startswith("tokens")


# The command


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def file(desk: Desk) -> Path:
    return desk.folder / "tokens"


@pytest.fixture
def typed(desk: Desk) -> Callable[..., Ran]:
    """Types a command about that file."""
    return lambda *words: desk.bare_run("token", *words, KUBERPULT_TOKENS="tokens")


def test_what_is_created_is_printed_alone_and_known(file: Path, typed: Callable[..., Ran]) -> None:
    made = typed("create", "--role", "ci", "--name", "Release jobs", "--expires", "90d")
    text = made.out.removesuffix("\n")
    token = tokens.found(tokens.read(file), text)
    assert token is not None
    assert (token.name, token.roles, token.may_act_for_others) == ("Release jobs", ("ci",), False)
    assert token.expires == token.created + timedelta(days=90)
    assert token.author == Actor("Release jobs", f"token-{token.id}@localhost")
    assert text not in made.err


def test_a_token_can_have_several_roles_an_author_and_act_for_others(
    file: Path, typed: Callable[..., Ran]
) -> None:
    typed(
        "create", "--role", "ci", "--role", "dev", "--commits-as", "Ada <ada@example.com>", "--may-act-for-others"
    )
    (token,) = tokens.read(file).values()
    assert (token.roles, token.author, token.may_act_for_others, token.expires) == (
        ("ci", "dev"), Actor("Ada", "ada@example.com"), True, None,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "name"])
def test_every_form_has_the_token(file: Path, typed: Callable[..., Ran], form: str) -> None:
    said = typed("create", "--role", "ci", "-o", form).out
    (token,) = tokens.read(file).values()
    assert f"kpt_{token.id}_" in said


def test_the_list_has_no_secrets(file: Path, typed: Callable[..., Ran]) -> None:
    text = typed("create", "--role", "ci").out.strip()
    (token,) = tokens.read(file).values()
    for form in ("table", "json", "name"):
        said = typed("list", "-o", form).out
        assert token.id in said
        assert text.split("_", 2)[2] not in said
        assert token.hash not in said


def test_a_revoked_token_is_gone(file: Path, typed: Callable[..., Ran]) -> None:
    typed("create", "--role", "ci")
    typed("create", "--role", "dev")
    first, second = tokens.read(file)
    assert typed("revoke", first).code == 0
    assert set(tokens.read(file)) == {second}
    assert typed("revoke", first).code == 2


def test_a_token_is_revoked_by_its_name_if_it_is_alone_with_it(file: Path, typed: Callable[..., Ran]) -> None:
    for name in ("jobs", "people", "people"):
        typed("create", "--role", "ci", "--name", name)
    assert typed("revoke", "people").code == 2
    assert typed("revoke", "jobs").code == 0
    assert [it.name for it in tokens.read(file).values()] == ["people", "people"]


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--role", "role:ci"),
        ("create", "--role", "ci", "--expires", "soon"),
        ("create", "--role", "ci", "--expires", "2001-01-01"),
        ("create", "--role", "ci", "--commits-as", "Ada"),
        ("revoke", "nothing"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_writes_nothing(
    file: Path, typed: Callable[..., Ran], words: tuple[str, ...]
) -> None:
    assert typed(*words).code == 2
    assert not tokens.read(file)


def test_without_a_file_nothing_is_done(desk: Desk) -> None:
    ran = desk.bare_run("token", "list")
    assert ran.code == 2
    assert "--tokens" in ran.err
