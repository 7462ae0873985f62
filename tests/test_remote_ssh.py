"""Remotes over ssh: OpenSSH's server on this machine, and the ssh that the user has chosen."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from dulwich.config import StackedConfig

from kuberpult_core.git.remote.results import Branches, Failed, Fetched, Pushed, Refused, Why
from kuberpult_core.git.remote.server import Remote
from kuberpult_core.git.remote.ssh import Program, ssh_of
from tests.real import git
from tests.servers import LOCALHOST, alone
from tests.sites import MAIN, Servers, Site, push, served, site_of
from tests.sshd import Sshd, key_in, sshd


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with served(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


@pytest.fixture
def site(servers: Servers, tmp_path: Path) -> Iterator[Site]:
    with site_of(servers, tmp_path) as site:
        yield site


@attrs.define
class Client:
    """What a user has set up for ssh."""

    host: Sshd
    folder: Path
    settings: dict[str, str]

    @property
    def command(self) -> str:
        """A command line with these settings, in a file with a blank in its name."""
        file = self.folder / "my ssh config"
        rows = {"BatchMode": "yes", "IdentitiesOnly": "yes", "IdentityAgent": "none", **self.settings}
        file.write_text("".join(f'{name} "{value}"\n' for name, value in rows.items()))
        return f"ssh -F '{file}'"


@pytest.fixture
def client(host: Sshd, tmp_path: Path) -> Client:
    known = tmp_path / "known_hosts"
    known.write_text(host.known)
    return Client(host, tmp_path, {"IdentityFile": str(host.user_key), "UserKnownHostsFile": str(known)})


def remote(site: Site, client: Client, path: object = None) -> Remote:
    return site.at(f"ssh://{LOCALHOST}:{client.host.port}{path or site.server}")


def script(folder: Path, text: str) -> Path:
    file = folder / "a-wrapper"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_a_command_line_of_the_environment_pushes_fetches_and_asks(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    assert remote(site, client).branches() == Branches(b"refs/heads/main", {})  # only version 2 tells
    change = site.change({"a": "1\n"})
    assert push(remote(site, client), change) == Pushed(change.new)
    change = site.change({"a": "2\n"})
    assert push(remote(site, client), change) == Pushed(change.new)
    tip = site.foreign({"b": "1\n"})
    fetched = remote(site, client).fetch(MAIN, change.new)
    assert isinstance(fetched, Fetched)
    assert fetched.tip == tip
    assert remote(site, client).branches() == Branches(b"refs/heads/main", {MAIN: tip})
    site.assert_sound()


def test_a_command_line_of_gits_configuration_does_too(site: Site, client: Client, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(f'[core]\nsshCommand = "{client.command}"\n')
    change = site.change({"a": "1\n"})
    assert push(remote(site, client), change) == Pushed(change.new)


def test_a_program_of_the_environment_gets_the_options_that_it_takes(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH", str(script(tmp_path, f'exec {client.command} "$@"')))
    change = site.change({"a": "1\n"})
    assert push(remote(site, client), change) == Pushed(change.new)


def test_a_program_that_takes_no_options_gets_none(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[ $# = 2 ] && [ "$1" = {LOCALHOST} ] && exec {client.command} -p {client.host.port} "$@"'
    monkeypatch.setenv("GIT_SSH", str(script(tmp_path, text)))
    change = site.change({"a": "1\n"})
    assert push(site.at(f"{LOCALHOST}:{site.server}"), change) == Pushed(change.new)


def test_a_key_of_the_agent_is_enough(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = client.settings.pop("IdentityFile")
    client.settings |= {"IdentitiesOnly": "no", "IdentityAgent": "SSH_AUTH_SOCK"}
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    place = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        while not Path(place).exists():
            assert agent.poll() is None
        subprocess.run(["ssh-add", "-q", key], check=True, capture_output=True)
        change = site.change({"a": "1\n"})
        assert push(remote(site, client), change) == Pushed(change.new)
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize("is_known", [False, True])
def test_a_host_whose_key_is_unknown_or_another_is_not_talked_to(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    other = key_in(tmp_path / "other").with_suffix(".pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[{LOCALHOST}]:{client.host.port} {other}" if is_known else "")
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    for result in (remote(site, client).fetch(MAIN, None), push(remote(site, client), site.change({"a": "1\n"}))):
        assert isinstance(result, Failed)
        assert result.why is Why.HOST_KEY
        assert "Host key verification failed" in result.reason or "CHANGED" in result.reason
        assert "known_hosts" in result.hint
    assert site.tip == ""


def test_a_key_that_the_host_does_not_know_is_not_let_in(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.settings["IdentityFile"] = str(key_in(tmp_path / "stranger"))
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    for result in (remote(site, client).fetch(MAIN, None), push(remote(site, client), site.change({"a": "1\n"}))):
        assert isinstance(result, Failed)
        assert result.why is Why.NOT_LET_IN
        assert "Permission denied (publickey)" in result.reason


def test_a_repository_that_is_not_there_is_told(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    result = remote(site, client, "/nowhere/missing.git").branches()
    assert isinstance(result, Failed)
    assert result.why is Why.NO_REPOSITORY


def test_a_path_is_never_a_command_of_the_hosts_shell(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    odd = tmp_path / 'it\'s a; touch x $(touch y) "z".git'
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", odd.name)
    change = site.change({"a": "1\n"})
    quoted = str(odd).replace(" ", "%20")
    assert push(remote(site, client, quoted), change) == Pushed(change.new)
    assert push(site.at(f"{LOCALHOST}:/tmp/' ; touch {tmp_path}/x ; '"), change) != Pushed(change.new)
    assert not (tmp_path / "x").exists()


def test_a_hook_of_the_host_has_its_say(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    site.hook("pre-receive", "echo 'GitLab: You are not allowed to push code to protected branches' >&2; exit 1")
    result = push(remote(site, client), site.change({"a": "1\n"}))
    assert isinstance(result, Refused)
    assert result.why is Why.PROTECTED
    assert "protected branches" in result.words


def test_a_host_that_is_not_there_is_told(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", client.command)
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        port = listener.getsockname()[1]
    for url, why in (
        (f"ssh://{LOCALHOST}:{port}/x.git", Why.NOT_REACHED),
        ("ssh://nowhere.invalid/x.git", Why.HOST_NOT_FOUND),
    ):
        result = site.at(url).branches()
        assert isinstance(result, Failed)
        assert result.why is why


def test_a_program_that_is_not_there_is_told(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("GIT_SSH", "/nowhere/ssh"), ("GIT_SSH_COMMAND", "no-such-ssh --option")):
        monkeypatch.setenv(name, value)
        result = remote(site, client).branches()
        assert isinstance(result, Failed)
        assert result.why is Why.NO_PROGRAM


def test_ssh_gets_no_token_and_nothing_of_another_repository(
    site: Site, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERPULT_GIT_TOKEN", "t0ken")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_SSH", str(script(tmp_path, f'env >> {tmp_path}/seen; exec {client.command} "$@"')))
    assert isinstance(remote(site, client).branches(), Branches)
    seen = (tmp_path / "seen").read_text()
    assert "GIT_PROTOCOL=version=2" in seen
    assert "t0ken" not in seen
    assert "GIT_DIR" not in seen


@pytest.mark.parametrize(
    ("variables", "words", "variant"),
    [
        ({}, ["ssh"], "ssh"),
        ({"GIT_SSH": "/opt/plink"}, ["/opt/plink"], "putty"),
        ({"GIT_SSH": "C:/TortoisePlink.exe"}, ["C:/TortoisePlink.exe"], "tortoiseplink"),
        ({"GIT_SSH_COMMAND": "A=b /usr/bin/ssh -v"}, ["sh", "-c", 'A=b /usr/bin/ssh -v "$@"', "ssh"], "ssh"),
        ({"GIT_SSH": "/nowhere/x", "GIT_SSH_VARIANT": "ssh"}, ["/nowhere/x"], "ssh"),
        ({"GIT_SSH": "/nowhere/x"}, ["/nowhere/x"], "simple"),
        ({"GIT_SSH_COMMAND": "'"}, ["sh", "-c", '\' "$@"', "ssh"], "simple"),
    ],
)
def test_ssh_is_chosen_as_git_chooses_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: list[str], variant: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ssh_of(StackedConfig([])) == Program(words, variant)


def test_each_program_gets_its_own_options() -> None:
    assert Program(["plink"], "putty").command("h", 7, b"c") == ["plink", "-P", "7", "h", b"c"]
    assert Program(["x"], "tortoiseplink").command("h", None, b"c") == ["x", "-batch", "h", b"c"]
    assert Program(["ssh"], "ssh").command("h", 7, b"c")[1:] == [
        "-o",
        "SendEnv=GIT_PROTOCOL",
        "-p",
        "7",
        "h",
        b"c",
    ]
