"""Remotes on web servers: who we are to them, certificates, redirects, proxies."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core.git.remote.credentials import Credentials
from kuberpult_core.git.remote.location import SAFE, location_of
from kuberpult_core.git.remote.results import Failed, Fetched, Pushed, Refused, Why
from tests.certificates import Authority, authority_in
from tests.real import git
from tests.servers import LOCALHOST, Web, alone, serving
from tests.sites import MAIN, Servers, Site, push, served, site_of

TOKEN = "t0ken/for+tests%only"
TO_TOKEN = f"x-access-token:{TOKEN}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with served(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


@pytest.fixture
def site(servers: Servers, tmp_path: Path) -> Iterator[Site]:
    with site_of(servers, tmp_path) as site:
        yield site


@pytest.fixture
def running() -> Iterator[Callable[[AbstractContextManager[Web]], Web]]:
    with ExitStack() as stack:
        yield stack.enter_context


Running = Callable[[AbstractContextManager[Web]], Web]


def web_at(running: Running, site: Site, **options: Any) -> Web:
    return running(serving(attrs.evolve(Web(site.server.parent), **options)))


def url(web: Web, site: Site, way: str = "", scheme: str = "http", user: str = "") -> str:
    return f"{scheme}://{user}{LOCALHOST}:{web.port}/{way}{site.server.name}"


def configure(tmp_path: Path, text: str) -> None:
    (tmp_path / ".gitconfig").write_text(text)


@attrs.frozen
class Helper:
    """A credential helper that writes down what it is asked, and what runs meanwhile."""

    folder: Path

    @property
    def told(self) -> list[str]:
        file = self.folder / "told"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def running(self) -> str:
        return (self.folder / "running").read_bytes().decode(errors="replace")


def helper(tmp_path: Path, user: str = "ada", password: str = "opensesame") -> Helper:
    """A helper that knows a password until it is told that it is wrong."""
    folder = tmp_path / "helper"
    folder.mkdir()
    script = folder / "helper"
    script.write_text(
        f"""#!/bin/sh
echo "$1" >> {folder}/told
cat > {folder}/given
cat /proc/[0-9]*/cmdline 2>/dev/null >> {folder}/running
if [ "$1" = erase ]; then touch {folder}/erased; fi
if [ "$1" = get ] && [ ! -e {folder}/erased ]; then echo username={user}; echo password={password}; fi
"""
    )
    script.chmod(0o755)
    configure(tmp_path, f"[credential]\nhelper = {script}\n")
    return Helper(folder)


# Who we are


def test_a_token_of_the_environment_goes_along_at_once(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = web_at(running, site, login=TO_TOKEN)
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    change = site.change({"a": "1\n"})
    assert push(site.at(url(web, site)), change) == Pushed(change.new)
    assert None not in web.seen
    assert site.at(url(web, site)).fetch(MAIN, None) == Fetched(change.new, None)


@pytest.mark.parametrize(("variable", "user"), [("somebody", ""), ("", "somebody@")])
def test_a_token_goes_with_the_user_that_is_named(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch, variable: str, user: str
) -> None:
    web = web_at(running, site, login=f"somebody:{TOKEN}")
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    monkeypatch.setenv("KUBERPULT_GIT_USER", variable)
    change = site.change({"a": "1\n"})
    assert push(site.at(url(web, site, user=user)), change) == Pushed(change.new)


def test_a_wrong_token_is_not_let_in_and_never_told(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:opensesame")
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    remote = site.at(url(web, site))
    for result in (push(remote, site.change({"a": "1\n"})), remote.fetch(MAIN, None), remote.branches()):
        assert isinstance(result, Failed)
        assert result.why is Why.NOT_LET_IN
        assert "KUBERPULT_GIT_TOKEN" in result.reason
        assert "KUBERPULT_GIT_TOKEN" in result.hint
        assert TOKEN not in f"{result!r} {remote!r} {vars(remote)} {caplog.text}"
    assert known.told == []


def test_who_has_no_credentials_is_told_so(site: Site, running: Running) -> None:
    web = web_at(running, site, login=TO_TOKEN)
    result = site.at(url(web, site)).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.NOT_LET_IN
    assert "no credentials" in result.reason
    assert web.seen == [None]


def test_a_server_that_wants_something_else_than_passwords_gets_none(
    site: Site, running: Running, tmp_path: Path
) -> None:
    known = helper(tmp_path)
    web = web_at(running, site, login=TO_TOKEN, scheme="Negotiate")
    result = site.at(url(web, site)).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert "a way that is not known" in result.reason
    assert known.told == []


def test_a_helper_is_asked_when_the_server_asks_and_told_that_it_was_right_once(
    site: Site, running: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:opensesame")
    remote = site.at(url(web, site))
    assert known.told == []
    for number in range(2):
        change = site.change({"a": f"{number}\n"})
        assert push(remote, change) == Pushed(change.new)
    assert known.told == ["get", "store"]
    assert web.seen.count(None) == 1
    assert "git\0credential" in known.running
    assert "opensesame" not in known.running + caplog.text + repr(vars(remote))


def test_a_wrong_password_is_taken_from_the_helper_and_netrc_is_tried(
    site: Site, running: Running, tmp_path: Path
) -> None:
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:of netrc")
    (tmp_path / ".netrc").write_text(f'machine {LOCALHOST}\nlogin ada\npassword "of netrc"\n')
    (tmp_path / ".netrc").chmod(0o600)
    change = site.change({"a": "1\n"})
    assert push(site.at(url(web, site)), change) == Pushed(change.new)
    assert known.told[:2] == ["get", "erase"]


def test_a_password_that_was_right_once_may_change(site: Site, running: Running, tmp_path: Path) -> None:
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:opensesame")
    remote = site.at(url(web, site))
    assert isinstance(remote.fetch(MAIN, None), Fetched)
    web.login = "ada:another"
    result = remote.fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert "git's credential helper" in result.reason
    assert known.told[:3] == ["get", "store", "erase"]
    (tmp_path / "helper" / "erased").unlink()
    script = tmp_path / "helper" / "helper"
    script.write_text(script.read_text().replace("opensesame", "another"))
    assert isinstance(remote.fetch(MAIN, None), Fetched)


def test_netrc_alone_is_enough_but_not_its_entry_for_all_hosts(
    site: Site, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = web_at(running, site, login="ada:opensesame")
    monkeypatch.setenv("PATH", str(tmp_path))  # where no git is
    (tmp_path / ".netrc").write_text(f"machine {LOCALHOST} login ada password opensesame\n")
    assert site.at(url(web, site)).fetch(MAIN, None) == Fetched(None, None)
    (tmp_path / ".netrc").write_text("default login ada password opensesame\n")
    assert isinstance(site.at(url(web, site)).fetch(MAIN, None), Failed)
    (tmp_path / ".netrc").write_text("nonsense opensesame\n")
    result = site.at(url(web, site)).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert "opensesame" not in result.reason


def test_askpass_is_asked_as_git_asks_it(
    site: Site, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "askpass"
    script.write_text('#!/bin/sh\ncase "$1" in User*) echo ada;; *) echo opensesame;; esac\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    web = web_at(running, site, login="ada:opensesame")
    assert site.at(url(web, site)).fetch(MAIN, None) == Fetched(None, None)


def test_a_helper_that_a_repository_names_is_not_run(
    site: Site, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(site.local, "config", "credential.helper", f"!touch {tmp_path}/run; false")
    monkeypatch.chdir(site.local)
    web = web_at(running, site, login=TO_TOKEN)
    assert isinstance(site.at(url(web, site)).fetch(MAIN, None), Failed)
    assert not (tmp_path / "run").exists()


def test_a_server_that_forbids_it_leaves_the_helper_its_password(
    site: Site, running: Running, tmp_path: Path
) -> None:
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:opensesame")
    result = push(site.at(url(web, site, "forbidding/")), site.change({"a": "1\n"}))
    assert isinstance(result, Refused)
    assert (result.why, result.hint) == (Why.FORBIDDEN, Why.FORBIDDEN.hint)
    assert known.told == ["get", "store"]


def test_a_server_that_repeats_what_is_secret_is_not_quoted(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = web_at(running, site, login=TO_TOKEN)
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    site.hook("pre-receive", f"echo 'you said {TOKEN}' >&2; exit 1")
    heard: list[str] = []
    change = site.change({"a": "1\n"})
    result = site.at(url(web, site)).push(MAIN, change.old, change.new, change.objects, heard.append)
    assert isinstance(result, Refused)
    assert "you said …" in result.words
    assert "remote: you said …" in heard
    assert TOKEN not in f"{result} {heard}"


def test_a_header_of_gits_configuration_goes_to_that_server_only(
    site: Site, running: Running, tmp_path: Path
) -> None:
    web, other = (web_at(running, site, login="ada:opensesame") for _ in range(2))
    header = "Authorization: Basic YWRhOm9wZW5zZXNhbWU="
    configure(tmp_path, f'[http "http://{LOCALHOST}:{web.port}/"]\nextraHeader = {header}\n')
    assert site.at(url(web, site)).fetch(MAIN, None) == Fetched(None, None)
    assert isinstance(site.at(url(other, site)).fetch(MAIN, None), Failed)
    web.elsewhere = f"http://{LOCALHOST}:{other.port}"
    assert isinstance(site.at(url(web, site, "away/")).fetch(MAIN, None), Failed)
    assert set(other.seen) == {None}


def test_threads_that_share_a_remote_ask_the_helper_once(site: Site, running: Running, tmp_path: Path) -> None:
    known = helper(tmp_path)
    web = web_at(running, site, login="ada:opensesame")
    tip = site.foreign({"a": "1\n"})
    remote = site.at(url(web, site))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(remote.fetch(MAIN, None))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [it.tip for it in found if isinstance(it, Fetched)] == [tip] * 4
    assert sorted(known.told) == ["get", "store"]


def test_what_is_known_of_a_login_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    login = Credentials(location_of("https://host.example/x.git")).at_once()
    assert login
    assert TOKEN not in repr(login)
    assert login.header not in repr(login)


# Redirects


def test_another_server_gets_no_credentials_along_a_redirect(
    site: Site, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = web_at(running, site)
    web = web_at(running, site, login=TO_TOKEN, elsewhere=f"http://{LOCALHOST}:{other.port}")
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    tip = site.foreign({"a": "1\n"})
    fetched = site.at(url(web, site, "away/")).fetch(MAIN, None)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert web.seen == ["Basic " + Credentials(location_of("https://x/y")).at_once().header[6:]]  # type: ignore[union-attr]  # it is set
    assert other.seen
    assert set(other.seen) == {None}
    other.login = TO_TOKEN
    assert isinstance(site.at(url(web, site, "away/")).fetch(MAIN, None), Failed)
    assert set(other.seen) == {None}


@pytest.mark.parametrize("target", ["http://{}", "file:///srv", "ftp://{}", "http://[", "gopher:"])
def test_a_redirect_to_a_protocol_that_is_not_allowed_is_not_followed(
    site: Site, running: Running, authority: Authority, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    other = web_at(running, site)
    elsewhere = target.format(f"{LOCALHOST}:{other.port}")
    web = web_at(running, site, certificate=authority.server, elsewhere=elsewhere)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority.certificate))
    result = site.at(url(web, site, "away/", "https"), allow=SAFE).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.REDIRECTED
    assert other.seen == []


def test_redirects_without_end_are_not_followed(site: Site, running: Running) -> None:
    web = web_at(running, site)
    web.elsewhere = f"http://{LOCALHOST}:{web.port}/away"
    result = site.at(url(web, site, "away/")).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.REDIRECTED
    assert len(web.seen) < 10


# Certificates


@pytest.fixture
def safe(running: Running, site: Site, authority: Authority) -> Web:
    return web_at(running, site, certificate=authority.server)


@pytest.mark.parametrize("variable", ["GIT_SSL_CAINFO", "SSL_CERT_FILE"])
def test_an_authority_that_the_environment_names_is_trusted(
    site: Site, safe: Web, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(authority.certificate))
    change = site.change({"a": "1\n"})
    assert push(site.at(url(safe, site, scheme="https"), allow=SAFE), change) == Pushed(change.new)


@pytest.mark.parametrize("section", ["[http]", '[http "https://127.0.0.1:{}"]', '[http "https://*.0.0.1:{}/"]'])
@pytest.mark.parametrize("line", ["sslCAInfo = {}", "sslVerify = false"])
def test_an_authority_that_gits_configuration_names_is_trusted(
    site: Site, safe: Web, authority: Authority, tmp_path: Path, section: str, line: str
) -> None:
    configure(tmp_path, f"{section.format(safe.port)}\n{line.format(authority.certificate)}\n")
    assert site.at(url(safe, site, scheme="https")).fetch(MAIN, None) == Fetched(None, None)


def test_a_certificate_of_nobody_is_not_trusted_and_nothing_secret_is_sent(
    site: Site, safe: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    configure(tmp_path, '[http "https://other.example"]\nsslVerify = false\n')
    remote = site.at(url(safe, site, scheme="https"))
    for result in (remote.fetch(MAIN, None), push(remote, site.change({"a": "1\n"}))):
        assert isinstance(result, Failed)
        assert result.why is Why.CERTIFICATE
        assert "not trusted" in result.reason
        assert "GIT_SSL_CAINFO" in result.hint
    assert safe.seen == []


def test_an_authority_that_is_not_there_is_told(
    site: Site, safe: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "nothing.pem"))
    result = site.at(url(safe, site, scheme="https")).fetch(MAIN, None)
    assert isinstance(result, Failed)
    assert result.why is Why.CERTIFICATE
    assert "nothing.pem" in result.reason


# Proxies


@contextmanager
def proxy() -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that passes on what it is asked for, and what it was asked."""
    asked: list[bytes] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(65536)
                asked.append(head)
                line = head.split(b"\r\n")[0].split()
                is_tunnel = line[0] == b"CONNECT"
                place = line[1] if is_tunnel else line[1].split(b"/")[2]
                host, _, port = place.decode().rpartition(":")
                server = socket.create_connection((host, int(port)))
                if is_tunnel:
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    server.sendall(head.replace(b"http://" + place, b"", 1))
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                back.join()
                client.close()
                server.close()

    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield int(listener.getsockname()[1]), asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_gits_configuration_is_used(
    site: Site, running: Running, authority: Authority, tmp_path: Path, scheme: str
) -> None:
    web = web_at(running, site, certificate=authority.server if scheme == "https" else None)
    with proxy() as (port, asked):
        place = f"http://me:pr0xysecret@{LOCALHOST}:{port}"
        configure(tmp_path, f"[http]\nproxy = {place}\nsslCAInfo = {authority.certificate}\n")
        assert site.at(url(web, site, scheme=scheme)).fetch(MAIN, None) == Fetched(None, None)
    assert b"proxy-authorization: basic bWU6cHIweHlzZWNyZXQ=".lower() in asked[0].lower()


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used_unless_the_host_is_near(
    site: Site, safe: Web, authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(authority.certificate))
    with proxy() as (port, asked):
        monkeypatch.setenv(name, f"{LOCALHOST}:{port}")
        assert site.at(url(safe, site, scheme="https")).fetch(MAIN, None) == Fetched(None, None)
        through = len(asked)
        assert through > 0
        for near in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(near, "other.example, 127.0.0.0/8")
            assert site.at(url(safe, site, scheme="https")).fetch(MAIN, None) == Fetched(None, None)
            monkeypatch.delenv(near)
        assert len(asked) == through


def test_a_proxy_that_is_not_there_is_told_without_its_password(site: Site, safe: Web, tmp_path: Path) -> None:
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        port = listener.getsockname()[1]
    for place in (f"http://me:pr0xysecret@{LOCALHOST}:{port}", "socks5://me:pr0xysecret@proxy"):
        configure(tmp_path, f"[http]\nproxy = {place}\n")
        remote = site.at(url(safe, site, scheme="https"))
        result = remote.fetch(MAIN, None)
        assert isinstance(result, Failed)
        assert result.why is Why.PROXY
        assert "pr0xysecret" not in f"{result!r} {vars(remote)}"


# Servers in trouble


def answering(status: bytes) -> Callable[[socket.socket], None]:
    def answer(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                with client:
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    return answer


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (b"500 Oops", Why.SERVER_TROUBLE),
        (b"429 Slowly", Why.SERVER_TROUBLE),
        (b"507 Full", Why.SERVER_FULL),
        (b"404 Gone", Why.NO_REPOSITORY),
        (b"403 No", Why.FORBIDDEN),
        (b"407 Proxy", Why.PROXY),
        (b"418 Teapot", Why.OTHER),
        (b"200 OK", Why.NO_GIT_SERVER),
        (b"999 What", Why.SERVER_TROUBLE),
    ],
)
def test_each_status_has_its_reason(site: Site, status: bytes, why: Why) -> None:
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        thread = threading.Thread(target=answering(status), args=(listener,))
        thread.start()
        result = site.at(f"http://{LOCALHOST}:{listener.getsockname()[1]}/x.git").branches()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert isinstance(result, Failed)
    assert result.why is why
    assert result.reason.endswith(".")


def test_no_child_sees_the_token(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", TOKEN)
    site.hook("pre-receive", f"env > {tmp_path}/seen; cat /proc/[0-9]*/cmdline >> {tmp_path}/seen; exit 0")
    change = site.change({"a": "1\n"})
    assert push(site.remote("file"), change) == Pushed(change.new)
    assert os.environ["KUBERPULT_GIT_TOKEN"] == TOKEN
    assert TOKEN.encode() not in (tmp_path / "seen").read_bytes()
