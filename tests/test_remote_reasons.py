"""What the words of servers, ssh and the network mean: each has its own reason, and a hint."""

import errno
import socket
import ssl
import zlib

import pytest
from dulwich.client import HTTPProxyUnauthorized, HTTPUnauthorized
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository, SendPackError

from kuberpult_core.git.remote.reasons import Unacceptable, is_race, reason_of, why_of
from kuberpult_core.git.remote.results import Failed, OutcomeUnknown, Refused, Why
from kuberpult_core.ports import ObjectId


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Host key verification failed.", Why.HOST_KEY),
        ("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", Why.HOST_KEY),
        ("No ED25519 host key is known for host.example and you have requested strict checking.", Why.HOST_KEY),
        ("git@github.com: Permission denied (publickey).", Why.NOT_LET_IN),
        ("Received disconnect from 10.0.0.1: 2: Too many authentication failures", Why.NOT_LET_IN),
        ("remote: HTTP Basic: Access denied. fatal: Authentication failed for", Why.NOT_LET_IN),
        ("ERROR: Repository not found.", Why.NO_REPOSITORY),
        ("fatal: '/srv/x.git' does not appear to be a git repository", Why.NO_REPOSITORY),
        ("access denied or repository not exported: /x.git", Why.NO_REPOSITORY),
        (
            "ERROR: The project you were looking for could not be found or you don't have permission to view it.",
            Why.NO_REPOSITORY,
        ),
        ("ERROR: Permission to ada/x.git denied to bob.", Why.FORBIDDEN),
        ("ERROR: The key you are authenticating with has been marked as read only.", Why.FORBIDDEN),
        ("ERROR: You are not allowed to push code to this project.", Why.FORBIDDEN),
        ("fatal: detected dubious ownership in repository at '/srv/x.git'", Why.FORBIDDEN),
        ("fatal: remote error: service not enabled: /x.git", Why.FORBIDDEN),
        ("error: unable to write file: No space left on device", Why.SERVER_FULL),
        ("fatal: Disk quota exceeded", Why.SERVER_FULL),
        ("fatal: pack exceeds maximum allowed size (2.00 GiB)", Why.TOO_LARGE),
        ("error: GH001: Large files detected.", Why.TOO_LARGE),
        ("error: GH006: Protected branch update failed for refs/heads/main.", Why.PROTECTED),
        ("protected branch hook declined", Why.PROTECTED),
        ("GitLab: You are not allowed to push code to protected branches on this project.", Why.PROTECTED),
        ("prohibited by Gerrit: not permitted: update", Why.PROTECTED),
        ("push declined due to repository rule violations", Why.PROTECTED),
        ("pre-receive hook declined", Why.HOOK),
        ("hook declined", Why.HOOK),
        ("shallow update not allowed", Why.SHALLOW),
        ("ssh: Could not resolve hostname x: Name or service not known", Why.HOST_NOT_FOUND),
        ("ssh: connect to host x port 22: Connection refused", Why.NOT_REACHED),
        ("ssh: connect to host x port 22: No route to host", Why.NOT_REACHED),
        ("ssh: connect to host x port 22: Connection timed out", Why.TIMEOUT),
        ("kex_exchange_identification: Connection closed by remote host", Why.DROPPED),
        ("sh: 1: my-ssh: not found", Why.NO_PROGRAM),
        ("something else", Why.OTHER),
    ],
)
def test_words_are_understood(words: str, why: Why) -> None:
    assert why_of(words) is why


@pytest.mark.parametrize(
    "words",
    [
        "failed to update ref",
        "cannot lock ref 'refs/heads/main': is at 1234 but expected 5678",
        "cannot lock ref 'refs/heads/main': Unable to create '/srv/x.git/refs/heads/main.lock': File exists.",
        "failed to lock",
        "incorrect old value provided",
        "non-fast-forward",
        "fetch first",
        "LOCK_FAILURE lock failure",
    ],
)
def test_somebody_elses_lock_or_update_is_a_lost_race(words: str) -> None:
    assert is_race(words)


@pytest.mark.parametrize(
    "words",
    [
        "hook declined",
        "cannot lock ref 'refs/heads/main/x': 'refs/heads/main' exists; cannot create 'refs/heads/main/x'",
        "cannot lock ref 'refs/heads/main': Unable to create '/srv/main.lock': No space left on device",
        "cannot lock ref 'refs/heads/main': Unable to create '/srv/main.lock': Permission denied",
    ],
)
def test_what_stays_as_it_is_however_often_it_is_tried_is_no_race(words: str) -> None:
    assert not is_race(words)


def _of(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class ProxyError(Exception):
    """As urllib3 has it."""


class ReadTimeoutError(Exception):
    """As urllib3 has it."""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NotGitRepository(), Why.NO_REPOSITORY),
        (HTTPUnauthorized("Basic", "https://x"), Why.NOT_LET_IN),
        (HTTPProxyUnauthorized("Basic", "https://x"), Why.PROXY),
        (_of(GitProtocolError("?"), ProxyError()), Why.PROXY),
        (_of(GitProtocolError("?"), _of(ProxyError(), ConnectionRefusedError())), Why.PROXY),
        (_of(GitProtocolError("?"), ReadTimeoutError()), Why.TIMEOUT),
        (_of(GitProtocolError("?"), socket.gaierror(-2, "Name not known")), Why.HOST_NOT_FOUND),
        (_of(GitProtocolError("?"), ssl.SSLError(1, "wrong version")), Why.NOT_REACHED),
        (TimeoutError("timed out"), Why.TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), Why.NOT_REACHED),
        (OSError(errno.EHOSTUNREACH, "No route to host"), Why.NOT_REACHED),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), Why.DROPPED),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), Why.DROPPED),
        (HangupException(), Why.DROPPED),
        (OSError(errno.ENOSPC, "No space left on device"), Why.DISK),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), Why.DISK),
        (zlib.error("bad"), Why.DAMAGED),
        (AssertionError("bad"), Why.DAMAGED),
        (SendPackError(b"unpack index-pack abnormal exit"), Why.OTHER),
        (SendPackError(b"unpack No space left on device"), Why.SERVER_FULL),
        (Unacceptable("no", Why.SHALLOW), Why.SHALLOW),
        (GitProtocolError("Repository not found."), Why.NO_REPOSITORY),
        (GitProtocolError("nonsense"), Why.OTHER),
        (ValueError("nonsense"), Why.OTHER),
    ],
    ids=repr,
)
def test_errors_are_understood(error: Exception, why: Why) -> None:
    found = reason_of(error)
    assert found.why is why
    assert found.words


def test_what_a_program_complains_about_says_more_than_that_it_is_gone() -> None:
    lines = ["Warning: Permanently added 'x'.\n", "Host key verification failed.\n", "fatal: gone\n"]
    assert reason_of(HangupException(), lines).words == "Host key verification failed."
    assert reason_of(ConnectionResetError(), ["something\n", "odd\n", "\n"]).words == "odd"
    assert reason_of(TimeoutError("timed out"), ["a banner\n"]).why is Why.TIMEOUT
    assert reason_of(HangupException(), []).why is Why.DROPPED


def test_what_a_caller_was_at_before_is_no_reason() -> None:
    error = ValueError("nonsense")
    error.__context__ = TimeoutError("of something else")
    assert reason_of(error).why is Why.OTHER


def test_errors_that_are_their_own_cause_have_an_end() -> None:
    error = ValueError("round")
    error.__cause__ = other = KeyError("and round")
    other.__cause__ = error
    assert reason_of(error).why is Why.OTHER


@pytest.mark.parametrize("why", [it for it in Why if it is not Why.OTHER])
def test_each_reason_says_what_to_do(why: Why) -> None:
    assert why.hint.endswith(".")
    assert Failed("It failed.", why).hint == Refused("no", "", why).hint == why.hint


def test_what_is_not_known_has_no_hint() -> None:
    assert Failed("It failed.").hint == ""
    assert OutcomeUnknown(ObjectId("1" * 40), "Who knows.").why is Why.OTHER
