"""The pages of the documentation: their blocks of code, and the command lines in these."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
_BLOCK: Final = re.compile(r"^ *```([^`\n]*)\n(.*?)^ *```$|^ *<!-- test: (.+?) -->$", re.MULTILINE | re.DOTALL)
_TITLE: Final = re.compile(r'title="([^"]+)"')
_SEPARATORS: Final = frozenset({"|", "||", "&&", ";", "&", "(", ")"})
_REDIRECTIONS: Final = frozenset({">", ">>", "<", "2>"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code. `language` is "test" for a hidden step, which readers do by hand and a test in code."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class CommandLine:
    """A command line as a reader types it, and the output that the page shows for it."""

    block: Block
    text: str
    shown: str = ""


_OTHERS: Final = frozenset({"CHANGELOG.md", "docs/reference/errors.md"})  # test_problem_pages runs its examples


def list_pages() -> list[str]:
    """Return every page that shows commands or YAML to a user, relative to the top of the repository."""
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    names = [page.relative_to(ROOT).as_posix() for page in pages]
    return sorted(name for name in names if not name.startswith("docs/decisions/") and name not in _OTHERS)


@cache
def read_page(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def read_blocks(page: str) -> tuple[Block, ...]:
    """Return the blocks of a page and its hidden steps, in their order."""
    text = read_page(page)
    blocks = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match[3]:
            blocks.append(Block(page, line, "test", "", match[3]))
            continue
        title = _TITLE.search(match[1])
        language = match[1].split(maxsplit=1)[0] if match[1].strip() else ""
        blocks.append(Block(page, line, language, title[1] if title else "", dedent(match[2])))
    return tuple(blocks)


def read_command_lines(block: Block) -> Iterator[CommandLine]:
    """Yield the command lines of a block: each line after `$ ` of a console, or every line of a script."""
    if block.language == "console":
        for passage in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            match = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", passage, re.DOTALL)
            assert match, block
            yield CommandLine(block, _without_comment(match[1]), match[2])
    elif block.language == "sh":
        for match in re.finditer(r"(?:.*\\\n)*.+\n", block.text):
            if text := _without_comment(match[0].strip()):
                yield CommandLine(block, text)


def split_commands(text: str) -> list[list[str]]:
    """Return the words of each simple command of a command line, without assignments and redirections."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word in _SEPARATORS:
            commands.append([])
        elif word in _REDIRECTIONS:
            next(words)
        elif commands[-1] or not _ASSIGNMENT.fullmatch(word):
            commands[-1].append(word)
    return [command for command in commands if command]


def _without_comment(text: str) -> str:
    """Return a command line without the comment at its end."""
    return re.sub(r"(^|\s+)# .*$", "", text)
