"""Names from the outside drive nothing: no terminal, no runner, no Markdown page."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.markdown import render_run_markdown
from reconciler.report.sanitize import (
    choose_code_fence,
    escape_annotation_property,
    escape_workflow_command,
    format_code_span,
    format_table_code,
    sanitize_text,
)
from tests.support.example_runs import hostile
from tests.support.golden_reports import github, json_text, text

_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # the only sequence that our own colours use


@given(st.text())
def test_sanitized_text_has_no_control_or_hidden_characters(raw: str) -> None:
    for char in sanitize_text(raw):
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@given(st.text(st.characters(categories=["Lu", "Ll", "Lt", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_unchanged(raw: str) -> None:
    assert sanitize_text(raw) == raw or "##[" in raw


@pytest.mark.parametrize("name", ["Großer Käse", "进击的巨人", "שלום", "نمایش\u200cنامه", "👩\u200d👧", r"C:\data"])
def test_scripts_and_paths_are_readable(name: str) -> None:
    assert sanitize_text(name) == name


@given(st.text("`|<>a \\", min_size=1))
def test_nothing_closes_a_code_span_or_a_fence(raw: str) -> None:
    span = format_code_span(raw)
    fence = re.match("`+", span)
    assert fence is not None
    assert fence[0] not in span[len(fence[0]) : -len(fence[0])]
    assert choose_code_fence(raw) not in raw


def test_nothing_ends_a_table_cell_and_nothing_in_it_is_active() -> None:
    assert format_table_code("home.lan") == "`home.lan`"
    assert format_table_code("a|b*c@d_e") == "<code>a&#124;b&#42;c&#64;d&#95;e</code>"
    assert format_table_code("a\\") == "<code>a&#92;</code>"
    assert format_table_code("\u202e") == "<code>&#92;u202e</code>"


def test_properties_of_a_workflow_command_are_encoded() -> None:
    assert escape_annotation_property("100%: a,b\nc") == "100%25%3A a%2Cb\\x0ac"


@pytest.mark.parametrize("raw", ["::error::x", "   ::set-output name=a::b", ":::"])
def test_no_log_line_begins_a_workflow_command(raw: str) -> None:
    assert not escape_workflow_command(raw).lstrip().startswith("::")


@pytest.mark.parametrize("colour", [False, True])
def test_a_hostile_name_cannot_control_a_terminal(colour: bool) -> None:
    shown = _ANSI.sub("", text(hostile(), colour=colour))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800]", shown)
    assert len(shown.splitlines()) == 8


def test_a_hostile_name_is_no_workflow_command() -> None:
    commands = [line for line in github(hostile()).splitlines() if line.lstrip().startswith("::") or "##[" in line]
    assert [command.split("::")[1].split(" ")[0] for command in commands] == ["group", "endgroup", "error", "error"]


def test_a_hostile_name_stays_in_its_code_block() -> None:
    body = render_run_markdown(hostile())
    outside = re.sub(r"(?s)(`{3,}) .*? \1|(`{3,})diff\n.*?\n\2\n", "", body)
    assert "img" not in outside
    assert "team" not in outside


def test_json_is_ascii_and_keeps_the_name() -> None:
    written = json_text(hostile())
    assert written.isascii()
    assert "\x1b" not in written
    assert json.loads(written)["instances"][0]["actions"][0]["name"].startswith("a\x1b[2J")
