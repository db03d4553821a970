"""Every command line of the documentation: carried out, or listed with a reason, and accepted by the parser."""

from __future__ import annotations

import re

import pytest

from tests.support.docs_commands import OUTSIDE, find_arguments, find_outside_reason, parse_arguments
from tests.support.docs_pages import list_pages, read_blocks, split_commands
from tests.support.docs_sessions import SESSIONS, list_command_lines

COMMAND_LINES = [command for page in list_pages() for command in list_command_lines(page)]


def test_there_are_command_lines() -> None:
    assert len(COMMAND_LINES) > 80


@pytest.mark.parametrize("page", sorted({command.block.page for command in COMMAND_LINES}))
def test_the_command_lines_of_a_page_are_accepted(page: str) -> None:
    for command in list_command_lines(page):
        for words in split_commands(command.text):
            arguments = find_arguments(words)
            if arguments is not None:
                parse_arguments(arguments)


def test_every_command_line_is_carried_out_or_has_a_reason() -> None:
    left = [
        f"{command.block}: {command.text}"
        for command in COMMAND_LINES
        if command.block.page not in SESSIONS and not find_outside_reason(command.text)
    ]
    assert left == []


def test_every_reason_is_needed() -> None:
    texts = [command.text for command in COMMAND_LINES]
    assert [pattern for pattern in OUTSIDE if not any(re.match(pattern, text) for text in texts)] == []


def test_every_block_has_a_language() -> None:
    blocks = [block for page in list_pages() for block in read_blocks(page)]
    scripts = [str(block) for block in blocks if not block.language and re.search(r"^\$ ", block.text, re.MULTILINE)]
    assert scripts == []
