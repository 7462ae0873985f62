"""Where a remote is: its URL, which protocols may be spoken, and what git's configuration makes of it."""

from pathlib import Path

import pytest
from dulwich.config import ConfigFile, StackedConfig

from kuberpult_core.errors import InvalidRemote, KuberpultError, ProtocolNotAllowed
from kuberpult_core.git.configured import machine_config
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.git.remote.configuration import Web, located, web_of
from kuberpult_core.git.remote.location import SAFE, SCHEMES, location_of
from kuberpult_core.git.remote.server import Remote
from tests.servers import alone

ALLOWED = frozenset(SCHEMES)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


def config(text: str, tmp_path: Path) -> StackedConfig:
    (tmp_path / ".gitconfig").write_text(text)
    return machine_config()


# Protocols


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("https://host.example/x.git", "https"),
        ("https://ada@host.example:8443/x.git", "https"),
        ("ssh://git@host.example/x.git", "ssh"),
        ("git+ssh://git@host.example/x.git", "ssh"),
        ("git@host.example:team/x.git", "ssh"),
        ("git@[::1]:team/x.git", "ssh"),
        ("ssh://[::1]:22/x.git", "ssh"),
        ("file:///srv/x.git", "file"),
    ],
)
def test_what_keeps_secrets_may_be_spoken(url: str, scheme: str) -> None:
    location = location_of(url)
    assert location.scheme == scheme
    assert location.host in ("host.example", "::1", "")


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_what_keeps_no_secrets_has_to_be_allowed(scheme: str) -> None:
    url = f"{scheme}://host.example/x.git"
    with pytest.raises(ProtocolNotAllowed, match=f"{url} cannot be used: {scheme} is not allowed") as raised:
        location_of(url)
    assert raised.value.facts == {"url": url, "protocol": scheme}
    assert location_of(url, SAFE | {scheme}).scheme == scheme


def test_what_is_safe_can_be_forbidden_too() -> None:
    with pytest.raises(ProtocolNotAllowed):
        location_of("file:///srv/x.git", {"https"})


@pytest.mark.parametrize("url", ["ext::sh -c id", "fd::3", "transport::address"])
def test_a_program_that_git_would_run_is_not_run(url: str) -> None:
    with pytest.raises(InvalidRemote, match="programs"):
        location_of(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:secret@host.example/x.git",
        "https://:secret@host.example/x.git",
        "https://ada:@host.example/x.git",
        "ssh://git:secret@host.example/x.git",
        "https://ghp_secretsecret@host.example/x.git",
        "https://github_pat_secret@host.example/x.git",
        "https://glpat-secret@host.example/x.git",
        "https://0123456789abcdef0123456789abcdef01234567@host.example/secret.git",
        "https://host.example/x.git?private_token=secret",
        "https://host.example/x.git#secret",
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    make_bare(tmp_path / "local.git")
    store = open_store(tmp_path / "local.git")
    with pytest.raises(InvalidRemote) as raised:
        Remote(url, store.objects, tmp_path, allow=SCHEMES)
    store.close()
    told = f"{raised.value} {raised.value!r} {raised.value.hint} {raised.value.facts}"
    assert "KUBERPULT_GIT_TOKEN" in raised.value.hint
    assert "0123456789" not in told
    assert "secret" not in told.replace("/secret.git", "")


# git's configuration


def test_a_url_is_rewritten_by_the_longest_prefix(tmp_path: Path) -> None:
    known = config(
        '[url "ssh://git@one.example/"]\ninsteadOf = https://host.example/\n'
        '[url "ssh://git@two.example/"]\ninsteadOf = https://host.example/team/\ninsteadOf = our:\n'
        '[url "ssh://git@three.example/"]\npushInsteadOf = https://host.example/\n',
        tmp_path,
    )

    def made(url: str, *, is_push: bool = False) -> str:
        return located(url, known, SAFE, is_push=is_push).url

    assert made("https://host.example/x.git") == "ssh://git@one.example/x.git"
    assert made("https://host.example/team/x.git") == "ssh://git@two.example/x.git"
    assert made("our:x.git") == "ssh://git@two.example/x.git"
    assert made("https://host.example/team/x.git", is_push=True) == "ssh://git@three.example/team/x.git"
    assert made("our:x.git", is_push=True) == "ssh://git@two.example/x.git"
    assert made("https://other.example/x.git", is_push=True) == "https://other.example/x.git"


@pytest.mark.parametrize(
    ("base", "error"),
    [
        ("http://host.example/", ProtocolNotAllowed),
        ("git://host.example/", ProtocolNotAllowed),
        ("ext::sh -c ", InvalidRemote),
        ("https://ada:secret@host.example/", InvalidRemote),
        ("-oProxyCommand=id:", InvalidRemote),
    ],
)
def test_what_a_url_is_rewritten_to_is_checked_like_any_other(
    tmp_path: Path, base: str, error: type[KuberpultError]
) -> None:
    known = config(f'[url "{base}"]\ninsteadOf = https://host.example/\n', tmp_path)
    with pytest.raises(error) as raised:
        located("https://host.example/x.git", known, SAFE, is_push=False)
    assert "secret" not in str(raised.value)


def test_a_mirror_on_the_disk_may_stand_for_a_server(tmp_path: Path) -> None:
    known = config('[url "/srv/my mirrors/"]\ninsteadOf = https://host.example/\n', tmp_path)
    location = located("https://host.example/x.git", known, SAFE, is_push=False)
    assert (location.scheme, location.path) == ("file", "/srv/my mirrors/x.git")
    with pytest.raises(ProtocolNotAllowed):
        located("https://host.example/x.git", known, frozenset({"https"}), is_push=False)


@pytest.mark.parametrize("text", ["[protocol]\nallow = never\n", '[protocol "https"]\nallow = Never\n'])
def test_what_git_may_not_speak_is_not_spoken(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://host.example/x.git"
    with pytest.raises(ProtocolNotAllowed):
        located(url, config(text, tmp_path), SAFE, is_push=False)
    known = config("", tmp_path)
    assert located(url, known, SAFE, is_push=False).scheme == "https"
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ssh:file")
    with pytest.raises(ProtocolNotAllowed):
        located(url, known, SAFE, is_push=False)


def web(url: str, known: StackedConfig) -> Web:
    return web_of(location_of(url, ALLOWED), known)


def test_settings_for_a_url_count_more_than_those_for_all(tmp_path: Path) -> None:
    known = config(
        '[http "https://host.example/team"]\nsslCAInfo = ~/team.pem\n'
        "[http]\nsslCAInfo = /all.pem\nproxy = proxy.example:3128\nsslCert = /mine.pem\nsslKey = /mine.key\n"
        '[http "https://*.host.example"]\nsslCAInfo = /below.pem\nproxy =\n'
        '[http "https://host.example:8443"]\nsslVerify = no\n'
        '[http "https://host.example:port"]\nsslCAInfo = /nonsense.pem\n'
        '[http "https://ada@host.example"]\nsslCAInfo = /ada.pem\n',
        tmp_path,
    )
    assert web("https://host.example/x", known).authorities == "/all.pem"
    assert web("https://host.example/x", known).proxy == "http://proxy.example:3128"
    assert web("https://host.example/x", known).certificate == "/mine.pem"
    assert web("https://host.example/x", known).key == "/mine.key"
    assert web("https://host.example/team/x", known).authorities == str(tmp_path / "team.pem")
    assert web("https://host.example/teams/x", known).authorities == "/all.pem"
    assert web("https://a.host.example/x", known).authorities == "/below.pem"
    assert web("https://a.host.example/x", known).proxy is None
    assert web("https://a.b.host.example/x", known).authorities == "/all.pem"
    assert web("https://ada@host.example/x", known).authorities == "/ada.pem"
    assert web("https://host.example/x", known).is_verified
    assert not web("https://host.example:8443/x", known).is_verified


@pytest.mark.parametrize(
    ("value", "is_verified"), [("1", False), ("true", False), ("", False), ("0", True), ("no", True)]
)
def test_the_environment_can_switch_checks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, is_verified: bool
) -> None:
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", value)
    assert web("https://host.example/x", config("", tmp_path)).is_verified is is_verified


def test_what_is_no_switch_leaves_checks_on(tmp_path: Path) -> None:
    assert web("https://host.example/x", config("[http]\nsslVerify = perhaps\n", tmp_path)).is_verified


def test_headers_are_gathered_and_shown_to_nobody(tmp_path: Path) -> None:
    known = config(
        "[http]\nextraHeader = Left: out\n"
        '[http "https://host.example"]\nextraHeader =\n'
        "extraHeader = Authorization: Basic abcdef\nextraHeader = X: y\n",
        tmp_path,
    )
    found = web("https://host.example/x", known)
    assert found.headers == {"Authorization": "Basic abcdef", "X": "y"}
    assert "abcdef" not in repr(found)
    assert web("https://other.example/x", known).headers == {"Left": "out"}


@pytest.mark.parametrize(
    ("entries", "url", "is_near"),
    [
        ("*", "https://host.example/x", True),
        ("host.example", "https://host.example/x", True),
        (".example", "https://host.example/x", True),
        ("example", "https://host.example/x", True),
        ("ample", "https://host.example/x", False),
        ("a.example,host.example:443", "https://host.example/x", True),
        ("host.example:8443", "https://host.example/x", False),
        ("*.example", "https://host.example/x", True),
        ("10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8", "https://11.1.2.3/x", False),
        ("[::1]", "https://[::1]/x", True),
        ("", "https://host.example/x", False),
    ],
)
def test_some_hosts_are_reached_without_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: str, url: str, is_near: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", entries)
    assert (web(url, config("", tmp_path)).proxy is None) is is_near


def test_a_web_servers_header_is_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://evil.example")
    assert web("http://host.example/x", config("", tmp_path)).proxy is None
    monkeypatch.setenv("http_proxy", "http://proxy.example")
    assert web("http://host.example/x", config("", tmp_path)).proxy == "http://proxy.example"


def test_a_configuration_of_ones_own_is_used_instead(tmp_path: Path) -> None:
    own = ConfigFile()
    own.set((b"url", b"ext::sh -c "), b"insteadOf", b"https://host.example/")
    make_bare(tmp_path / "local.git")
    store = open_store(tmp_path / "local.git")
    with pytest.raises(InvalidRemote):
        Remote("https://host.example/id", store.objects, tmp_path, config=StackedConfig([own]))
    store.close()
