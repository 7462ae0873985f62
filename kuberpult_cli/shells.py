"""How bash, zsh and fish ask what may stand next, and how they are answered.

Click knows what completes what. The scripts and the quoting are ours, for lock ids may hold anything
that a shell would obey: click's script for bash puts candidates on the command line as they are.
"""

import os
import re
from contextlib import suppress
from threading import Timer
from typing import ClassVar

import attrs
import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

from kuberpult_cli.completing import OPEN
from kuberpult_cli.options import Shared

PROGRAM = "kuberpult"
VARIABLE = "_KUBERPULT_COMPLETE"
"""Says that a shell asks, and which: click's name for it."""
SHELLS = ("bash", "zsh", "fish")
PATIENCE = 3.0
"""Seconds after which a key that was pressed is answered with nothing."""


def answer(group: click.Group, instruction: str) -> int:
    """Answer what a shell asks by :data:`VARIABLE`; returns the exit code. Whatever fails: no words, no names."""
    alarm = Timer(PATIENCE, os._exit, (0,))
    alarm.daemon = True
    alarm.start()
    shell, _, wanted = instruction.partition("_")
    try:
        with suppress(OSError):
            click.echo(_said(_asked(group, shell), wanted).encode(), nl=False)
    except Exception:  # noqa: BLE001 - a line that is being typed is no place for errors
        return 1
    finally:
        alarm.cancel()
    return 0


def _said(asked: ShellComplete, wanted: str) -> str:
    match wanted:
        case "source":
            return asked.source()
        case "complete":
            return f"{asked.complete()}\n"
        case _:
            raise LookupError(wanted)


def script(group: click.Group, shell: str) -> str:
    """What a shell has to read in order to ask."""
    return _asked(group, shell).source()


def _asked(group: click.Group, shell: str) -> ShellComplete:
    kind = get_completion_class(shell) if shell in SHELLS else None
    if kind is None:
        raise LookupError(shell)
    return kind(group, {"obj": Shared()}, PROGRAM, VARIABLE)


# The command line as a shell has it


@attrs.frozen
class Word:
    """A word on a command line, without its quotes."""

    text: str = ""
    quote: str = ""
    """The quote that is still open at its end."""
    kept: int = 0
    """So many characters the shell leaves as they are when it completes the word."""


_PIECES = re.compile(r"""'([^']*)('?)|"((?:[^"\\]|\\.)*)("?)|\\(.)|(\s+)|([^\s'"\\])|\\$""", re.DOTALL)
_DEFAULT_BREAKS = " \t\n\"'><=;|&(:"


def words_of(line: str, breaks: str = "") -> list[Word]:
    """The words of a command line up to the cursor; the last one is being typed, and may be empty.

    After one of the *breaks* the shell takes it that a new word begins, as bash does.
    """
    words = [Word()]
    for piece in _PIECES.finditer(line.lstrip()):
        single, _, double, _, escaped, blank, plain = piece.groups()
        so_far = words[-1]
        if blank:
            words.append(Word())
        elif single is not None or double is not None:
            words[-1] = _quoted(so_far, piece)
        else:
            text = so_far.text + (escaped or plain or "")
            words[-1] = Word(text, "", len(text) if plain and plain in breaks else so_far.kept)
    return words


def _quoted(before: Word, piece: "re.Match[str]") -> Word:
    single, end, double, other_end, *_ = piece.groups()
    inside = single if single is not None else re.sub(r'\\([\\$`"])', r"\1", double)
    text = before.text + inside
    if end or other_end:
        return Word(text, "", len(text))
    return Word(text, "'" if single is not None else '"', len(before.text))


def quoted(text: str, quote: str) -> str:
    """*text* so that bash takes it as it is, after a quote that is open or none."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return re.sub(r'([\\$`"])', r"\\\1", text).replace("!", "\"'!'\"")
    return re.sub(r"([^\w./:=@%+,-])", r"\\\1", text)


# The shells


class _Asking(ShellComplete):
    """What all three have in common."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is typed, and that one."""
        words = [it.text for it in self.words()]
        while len(words) > 1 and re.match(r"\w+=", words[0]):  # variables before the command
            words.pop(0)
        here = int(os.environ.get("COMP_CWORD") or len(words) - 1)
        return words[1:here], words[here] if here < len(words) else ""

    def words(self) -> list[Word]:
        """The command line up to the cursor."""
        return words_of(os.environ.get("COMP_WORDS", ""))

    def get_completions(self, args: list[str], incomplete: str) -> "list[CompletionItem[str]]":
        """Candidates for the whole word: those for the value in ``--option=value`` begin with the option."""
        before = _option_before(args, incomplete)
        items = super().get_completions(args, incomplete)
        return [_whole(it, before) for it in items if _is_harmless(it.value)]


def _option_before(args: list[str], incomplete: str) -> str:
    option, sign, _ = incomplete.partition("=")
    return option + sign if sign and option.startswith("-") and "--" not in args else ""


def _whole(item: "CompletionItem[str]", before: str) -> "CompletionItem[str]":
    if item.type in ("file", "dir"):  # of these, the words are what stands before the path
        return CompletionItem(item.value, item.type, before + (item.help or "") or None)
    text = " ".join((item.help or "").split())
    return CompletionItem(before + item.value, item.type, text or None)


def _is_harmless(text: str) -> bool:
    """Whether no line and no field of an answer ends within it, and no terminal obeys it."""
    return not re.search(r"[\x00-\x1f\x7f-\x9f]", text)


@add_completion_class
class Bash(_Asking, BashComplete):
    """Bash, which takes what it gets as it is: so what it gets is quoted."""

    source_template: ClassVar[str] = """\
# bash completion for %(prog_name)s

if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
    echo "%(prog_name)s: completion needs bash 4.4 or newer, and this is $BASH_VERSION." >&2
    return 1 2>/dev/null
fi

%(complete_func)s() {
    local IFS=$'\\n' line type value
    line=${COMP_LINE:0:COMP_POINT}
    [[ -n $line ]] || line="${COMP_WORDS[*]:0:COMP_CWORD + 1}"
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            open) COMPREPLY+=("$value"); compopt -o nospace 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
        esac
    done < <(env -u COMP_CWORD COMP_WORDS="$line" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null </dev/null)
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """The script; it asks for the version itself, where click would start a bash."""
        return self.source_template % self.source_vars()

    def words(self) -> list[Word]:
        """The command line up to the cursor."""
        breaks = os.environ.get("COMP_WORDBREAKS", _DEFAULT_BREAKS)
        return words_of(os.environ.get("COMP_WORDS", ""), breaks)

    def format_completion(self, item: "CompletionItem[str]") -> str:
        """The type, and what takes the place of what bash takes for the word."""
        if item.type in ("file", "dir"):
            return f"{item.type},"
        here = self.words()[-1]
        text = quoted(item.value[here.kept :], here.quote)
        is_closed = here.quote and text.endswith(here.quote)  # so bash takes it, and would not close it itself
        return f"{item.type},{text}{here.quote if is_closed else ''}"


@add_completion_class
class Zsh(_Asking, ZshComplete):
    """Zsh, which quotes what it puts on the command line."""

    source_template: ClassVar[str] = """\
#compdef %(prog_name)s
# zsh completion for %(prog_name)s

%(complete_func)s() {
    local -a lines names open described
    local type value help
    lines=("${(@f)$(env -u COMP_CWORD \\
        COMP_WORDS="${(pj:\\n:)words[1,CURRENT-1]}"$'\\n'"$QIPREFIX$IPREFIX$PREFIX" \\
        %(complete_var)s=zsh_complete "${(Q)words[1]}" 2>/dev/null </dev/null)}")

    for type value help in "${lines[@]}"; do
        case $type in
            dir|file)
                [[ $help == _ ]] || compset -P '*='
                if [[ $type == dir ]]; then _path_files -/; else _path_files -f; fi ;;
            open) open+=("$value") ;;
            plain) if [[ $help == _ ]]; then names+=("$value"); else described+=("$value:$help"); fi ;;
        esac
    done

    (( $#described )) && _describe -V unsorted described -U
    (( $#names )) && compadd -U -V unsorted -a names
    (( $#open )) && compadd -U -V unsorted -S '' -a open
    return 0
}

compdef %(complete_func)s %(prog_name)s
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then  # from fpath, at the first TAB
    %(complete_func)s "$@"
fi
"""

    def format_completion(self, item: "CompletionItem[str]") -> str:
        """Type, value and words on a line each; where words are shown, a colon ends the value."""
        text = item.help if item.type != OPEN else None
        value = item.value.replace(":", r"\:") if text else item.value
        return f"{item.type}\n{value}\n{text or '_'}"


@add_completion_class
class Fish(_Asking, FishComplete):
    """Fish, which quotes what it puts on the command line."""

    source_template: ClassVar[str] = """\
# fish completion for %(prog_name)s

function %(complete_func)s
    set -l line (commandline -cp | string join ' ')
    for answer in (env -u COMP_CWORD COMP_WORDS="$line" %(complete_var)s=fish_complete \\
            %(prog_name)s 2>/dev/null </dev/null)
        set -l part (string split -m 1 ',' -- $answer)
        set -l path (string split -m 1 \\t -- $part[2])
        switch $part[1]
            case plain open
                printf '%%s\\n' $part[2]
            case dir
                printf '%%s\\n' "$path[2]"(__fish_complete_directories "$path[1]")
            case file
                printf '%%s\\n' "$path[2]"(__fish_complete_path "$path[1]")
        end
    end
end

complete --command %(prog_name)s --no-files --keep-order --arguments '(%(complete_func)s)'
"""
