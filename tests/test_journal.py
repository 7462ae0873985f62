"""The log: what a commit's message says, and that nobody's text can forge what it keeps."""

import re
import subprocess
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from kuberpult_core import (
    Batch,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    Deploy,
    Invalid,
    Target,
    UpdateSettings,
    decide,
)
from kuberpult_core.codec import logged_command
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.journal import COMMITTER, MAX_COMMAND, MAX_FACTS, RULES, message, recorded
from tests.rules import ADA, URL, World, environment, given, lock, release, releases

FORGED = 'Kuberpult-Command: {"kind":"DeleteApplication","application":"cart"}\nKuberpult-Rules: 9'
TRAILERS = re.compile(r"\n\nKuberpult-Command: (\{.*\})\nKuberpult-Rules: ([0-9]+)\n\Z")


def told(world: World, command: Command) -> str:
    """The message of the commit that *command* makes."""
    world.when(command)
    return list(world.repository.store.log())[-1].message


# What a message says


def test_a_message_says_what_happened_and_keeps_what_was_asked() -> None:
    world = given(environment("staging"), releases("cart", 2, "staging"), Deploy("staging", "cart", 1))
    text = told(world, Deploy("staging", "cart", 2))
    assert text == (
        "Deploy cart 2 to staging\n"
        "\n"
        "deployment/staging/cart 1 → 2\n"
        "\n"
        f"Kuberpult-Command: {logged_command(Deploy('staging', 'cart', 2))}\n"
        "Kuberpult-Rules: 1\n"
    )
    assert recorded(text).command == Deploy("staging", "cart", 2)
    assert recorded(text).rules == RULES == 1


def test_the_author_is_who_asked_and_the_committer_is_kuberpult() -> None:
    world = given()
    world.when(environment("staging"), by=ADA)
    logged = list(world.repository.store.log())[-1]
    assert (logged.author, logged.committer) == (ADA, COMMITTER)
    assert COMMITTER.name == "kuberpult"


@pytest.mark.parametrize(("count", "more"), [(1, None), (99, None), (100, None), (101, 1), (250, 150)])
def test_a_message_names_at_most_100_facts_and_how_many_more(count: int, more: int | None) -> None:
    command = Batch([lock("staging", f"lock-{number}") for number in range(count)])
    text = told(given(environment("staging")), command)
    _, facts, _ = text.split("\n\n")
    lines = facts.split("\n")
    assert MAX_FACTS == 100
    assert len([line for line in lines if line.startswith("lock/staging/")]) == min(count, 100)
    assert (lines[100:] == [f"… and {more} more"]) if more else (len(lines) == count)
    assert recorded(text).command == command


def test_a_manifests_text_is_not_in_the_message() -> None:
    text = told(given(), CreateRelease("cart", {"dev": "password: secret\n"}))
    assert "secret" not in text


def test_a_command_that_is_too_large_for_the_log_is_refused() -> None:
    world = given()
    command = Batch([CreateRelease("cart", {"dev": "a: b\n"}, source_message="x" * 90_000) for _ in range(50)])
    assert len(logged_command(command)) > MAX_COMMAND
    with pytest.raises(InvalidCommand, match="larger"):
        world.repository.apply(command, ADA)
    assert world.releases() == []


# Nobody's text can forge a trailer

HOSTILE = [
    FORGED,
    f"\n\n{FORGED}\n",
    f"x\r\n\r\n{FORGED}\r\n",
    f"x\n\n{FORGED}\n\n",
    f"\u2028\u2029{FORGED}\x85",
    f"\x0b\x0c\x1c\x1d\x1e{FORGED}",
    '"}\n\nKuberpult-Command: {}',
    "\\n\\nKuberpult-Rules: 9",
    "---\n" + FORGED,
    "# comment",
    "😀\n\n" + FORGED,
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60),
    st.lists(
        st.sampled_from(["\n", "\r", "\u2028", "\x85", "Kuberpult-", "Rules", ": ", "9", FORGED]), min_size=1
    ).map("".join),
).filter(str.strip)


def hostile_commands(text: str) -> list[Command]:
    """Every place where a user's text of any kind gets into a command."""
    line = "".join(character for character in text if character.isprintable())[:15] or "x"
    commands: list[Any] = [
        CreateLock(Target("staging"), "freeze", text[:1000], link=line),
        CreateLock(Target("staging"), "freeze", "again"),
        CreateRelease(
            "cart",
            {"staging": "a: b\n"},
            source_message=text,
            source_author=line,
            source_commit_id=line,
            display_version=line,
        ),
        CreateEnvironment("other", {"argocd": {"destination": {"name": text}}}),
        UpdateSettings({"branch": line}),
    ]
    return [*commands, Batch(commands)]


def decided(command: Command) -> Decision:
    world = given(environment("staging"), lock("staging", message=FORGED))
    return decide(world.state, command)


@for_all(TEXTS)
def test_no_text_can_forge_a_trailer(text: str) -> None:
    for command in hostile_commands(text):
        decision = decided(command)
        told_text = message(decision)
        found = TRAILERS.search(told_text)
        assert found
        assert found[1] == logged_command(decision.command)
        assert found[1].isascii()
        assert told_text.count("\n\n") == 2, "a line for the summary, the facts, the trailers"
        assert recorded(told_text).command == decision.command
        assert recorded(told_text).rules == RULES


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_git_reads_the_same_trailers(text: str) -> None:
    for command in hostile_commands(text):
        decision = decided(command)
        done = subprocess.run(
            ["git", "interpret-trailers", "--parse"],
            input=message(decision).encode(),
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode().splitlines() == [
            f"Kuberpult-Command: {logged_command(decision.command)}",
            "Kuberpult-Rules: 1",
        ]


def test_only_the_last_paragraph_counts() -> None:
    real = told(given(environment("staging")), lock("staging"))
    assert recorded(f"{FORGED}\n\n{real}").command == lock("staging")
    assert recorded(real + "\n\n").command == lock("staging")
    with pytest.raises(Invalid):
        recorded(real + "\nSomething after it\n")


# What cannot be read


def with_command(text: str) -> str:
    """A message that keeps *text* as its command."""
    return f"Clean up\n\nKuberpult-Command: {text}\nKuberpult-Rules: 1\n"


COMMAND = "Kuberpult-Command: " + logged_command(Cleanup("cart"))
UNREADABLE = {
    "nothing": "",
    "line breaks only": "\n\n\n",
    "no trailers": "Fix the cart\n",
    "other trailers": "Fix\n\nSigned-off-by: Ada <ada@example.com>\n",
    "no rules": f"Clean up\n\n{COMMAND}\n",
    "no command": "Clean up\n\nKuberpult-Rules: 1\n",
    "rules that are no number": f"Clean up\n\n{COMMAND}\nKuberpult-Rules: one\n",
    "rules below zero": f"Clean up\n\n{COMMAND}\nKuberpult-Rules: -1\n",
    "rules that are a strange digit": f"Clean up\n\n{COMMAND}\nKuberpult-Rules: ²\n",
    "an empty command": with_command(""),
    "a command that is no JSON": with_command("{"),
    "a command that is a list": with_command("[]"),
    "a command that is none": with_command('{"kind":"X"}'),
    "a command with more": with_command('{"kind":"Cleanup","application":"a","x":1}'),
    "a command with a bad name": with_command('{"kind":"Cleanup","application":"../a"}'),
    "deep JSON": with_command("[" * 100_000),
    "a huge command": with_command(" " * (MAX_COMMAND + 1)),
    "a command in two paragraphs": f"Clean up\n\n{COMMAND}\n\nKuberpult-Rules: 1\n",
    "lone surrogates": "\ud800\n\nKuberpult-Command: \ud800\nKuberpult-Rules: 1\n",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_that_cannot_be_read_is_an_invalid_error(what: str) -> None:
    with pytest.raises(Invalid):
        recorded(UNREADABLE[what])


@settings(max_examples=300)
@for_all(
    st.one_of(
        st.text(max_size=80),
        st.text(max_size=80).map(with_command),
        st.text(max_size=20).map(lambda text: f"x\n\n{COMMAND}\nKuberpult-Rules: {text}\n"),
        st.recursive(
            st.sampled_from(
                ["{", "}", "[", "]", '"kind"', ":", '"Cleanup"', ",", '"application"', '"a"', "1", "null"]
            ),
            lambda below: st.lists(below, max_size=6).map("".join),
        ).map(with_command),
    )
)
def test_any_message_is_read_or_an_invalid_error(text: str) -> None:
    try:
        found = recorded(text)
    except Invalid:
        return
    assert found.rules >= 0
    assert logged_command(found.command)


def test_a_number_of_rules_of_any_length_is_read_or_refused() -> None:
    for digits in ("1" * 5000, "0", "٣"):
        try:
            assert recorded(f"x\n\n{COMMAND}\nKuberpult-Rules: {digits}\n").rules >= 0
        except Invalid:
            continue


def test_the_log_of_a_repository_can_be_read_from_the_first_commit_on() -> None:
    world = given(environment("staging", argocd=True), release("cart", 1, "staging", source_message=FORGED))
    world.when(lock("staging", message=FORGED), Deploy("staging", "cart", 1))
    kept = [recorded(logged.message).command for logged in world.repository.store.log()]
    assert kept[0] == UpdateSettings({"url": URL})
    assert [type(command).__name__ for command in kept[1:]] == [
        "CreateEnvironment",
        "CreateRelease",
        "CreateLock",
        "Deploy",
    ]
