"""The line of a problem: from the text that was loaded, cut around the place, and without a secret."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from reconciler.desired import DesiredStateError, load
from reconciler.desired.context import LoadedText
from reconciler.desired.excerpts import add_excerpts, add_excerpts_from_files
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.position import Position, Problem
from tests.support.desired_yaml import HEAD, write_file
from tests.support.examples import run_examples

SECRET = "hunter2"
# Every place of a secret, in the styles of YAML
SECRETS = f"""version: 1
policy: sync
x-pw: &pw {SECRET}
x-more: {{name: &name {SECRET}, url: "https://{SECRET}@h"}}
instances:
  home:
    url: http://me:{SECRET}@h:8080/?k={SECRET}
    username: {SECRET}
    password: {SECRET}
    pasword: '{SECRET}'
    api_key: "{SECRET}"
    basic_auth: {{username: a, password: {SECRET}}}
    headers: {{X-Token: {SECRET}, Cookie: {SECRET}}}
    preferences: {{proxy_password: {SECRET}, proxy_pasword: {SECRET}, autorun_program: {SECRET}}}
    health:
      - http: http://h/{SECRET}?k={SECRET}
      - gluetun: {{url: "http://h", api_key: {SECRET}}}
  attic: {{url: "{SECRET}", password: {{env: "{SECRET}!"}}, username: {{file: {SECRET}}}}}
  cellar:
    url: x
    password: >-
      {SECRET}
      {SECRET}
    username: *name
    headers:
      X: |
        {SECRET}
torrents:
  - magnet: magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a1&tr=http%3A%2F%2Ft%2F{SECRET}&dn=x
  - torrent: https://t.example/{SECRET}.torrent?k={SECRET}
    trackers: ["https://t.example/{SECRET}/announce", "t/{SECRET}"]
    web_seeds: ["ftp://t/{SECRET}"]
    cookie: {SECRET}
    name: *pw
    comment: 5
  - {{magnet: "{SECRET}", name: yes}} # {SECRET}
"""


def excerpt_of(text: str, line: int, column: int, code: str = "E030") -> tuple[str, str, str]:
    """Return the parts of the excerpt of a problem at that place."""
    roots, _ = compose_nodes("a", text)
    (problem,) = add_excerpts([Problem(Position("a", line, column), code, "no")], {"a": LoadedText(text, roots)})
    assert problem.excerpt
    return astuple(problem.excerpt)


def list_shown_lines(path: Path) -> list[str]:
    """Return the excerpts of all problems and warnings of a file, as one text each."""
    try:
        problems: Any = load([path], {}).warnings
    except DesiredStateError as error:
        problems = error.problems
    return ["".join(astuple(problem.excerpt)) for problem in problems if problem.excerpt]


@pytest.mark.parametrize(
    ("text", "line", "column", "parts"),
    [
        ("version: 1\nowner: my home\n", 2, 8, ("owner: ", "my home", "")),
        ("torrents:\n- catgory: films\n  name: a\n", 2, 3, ("- ", "catgory", ": ***")),
        ("guard: {max_move: a, max_delete: b}", 1, 8, ("guard: ", "{", "max_move: a, max_delete: b}")),
        ("a: [\n", 1, 4, ("a: ", "[", "")),
        ("owner: 'a\n  b'\n", 1, 8, ("owner: ", "'a", "")),
        ("owner: a # of mine\n", 1, 8, ("owner: ", "a", "")),
        ("password: x\n", 1, 11, ("password: ", "***", "")),
        ("owner: a\r\npolicy: b\r\n", 2, 9, ("policy: ", "b", "")),
    ],
)
def test_the_place_is_marked(text: str, line: int, column: int, parts: tuple[str, str, str]) -> None:
    assert excerpt_of(text, line, column) == parts


def test_the_comment_is_shown_that_cuts_off_text() -> None:
    assert excerpt_of("torrents: [{name: Album\n}]\nowner: Album #1\n", 3, 8, "W003") == ("owner: ", "Album", " #1")


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "torrents: [" + "{name: a}, " * 100 + "{nam: x}, " + "{name: b}, " * 100 + "]"
    before, marked, after = excerpt_of(text, 1, text.index("nam:") + 1)
    assert (before[0], marked, after[-1]) == ("…", "nam", "…")
    assert len(before + after) < 500


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    shown = list_shown_lines(write_file(tmp_path, SECRETS))
    assert len(shown) > 10
    assert [line for line in shown if SECRET in line] == []
    roots, _ = compose_nodes("a", SECRETS)
    for number, line in enumerate(SECRETS.splitlines(), 1):
        problems = [Problem(Position("a", number, column), "E030", "no") for column in range(1, len(line) + 1)]
        for problem in add_excerpts(problems, {"a": LoadedText(SECRETS, roots)}):
            assert SECRET not in "".join(astuple(problem.excerpt)), line  # type: ignore[arg-type]


@run_examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_secret_is_never_shown_of_damaged_text(tmp_path: Path, data: st.DataObject) -> None:
    text = SECRETS
    for _ in range(data.draw(st.integers(1, 3))):
        offset = data.draw(st.integers(0, len(text)))
        inside = any(text.startswith(SECRET, start) for start in range(max(0, offset - len(SECRET) + 1), offset))
        if not inside:  # half of a secret is not found again
            token = data.draw(
                st.sampled_from(["'", '"', "{", "}", "[", "]", ": ", "\n", "\t", "- ", "  ", "#", "&a ", "| ", "%"])
            )
            text = text[:offset] + token + text[offset:]
    assert [line for line in list_shown_lines(write_file(tmp_path, text)) if SECRET in line] == []


def test_a_file_that_changes_shows_the_line_that_was_loaded(tmp_path: Path) -> None:
    path = tmp_path / "desired.yaml"
    path.write_text("version: 1\n")
    with pytest.raises(DesiredStateError) as error:
        load([path], {}, texts={path: HEAD + "lorem: true\n"})
    assert [astuple(problem.excerpt) for problem in error.value.problems if problem.excerpt] == [
        ("", "lorem", ": true")
    ]


def test_an_alias_bomb_costs_nothing(tmp_path: Path) -> None:
    bomb = "x0: &x0 [a, a]\n" + "".join(f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 30))
    lines = list_shown_lines(write_file(tmp_path, f"instances:\n  home: *x29\n{bomb}"))
    assert lines
    lines = list_shown_lines(write_file(tmp_path, f"{bomb}instances: {{home: *x29}}\nlorem: hunter2\n"))
    assert SECRET not in "".join(lines)


def test_a_plan_shows_the_lines_of_files_that_are_as_they_were_loaded(tmp_path: Path) -> None:
    path = write_file(tmp_path, SECRETS)
    problems = [Problem(Position(str(path), 8, 5), "W005", "x"), Problem(Position(str(path), 9, 5), "W008", "y")]
    loaded_at = path.stat().st_ctime + 1
    excerpts = [problem.excerpt for problem in add_excerpts_from_files(problems, loaded_at)]
    lines = ["".join(astuple(excerpt)) for excerpt in excerpts if excerpt]
    assert lines == ["    username: ***", "    password: ***"]
    assert [problem.excerpt for problem in add_excerpts_from_files(problems, loaded_at - 1)] == [None, None], "written"
    path.unlink()
    assert add_excerpts_from_files(problems, loaded_at) == tuple(problems)
