"""The corpus of broken desired states: each must give exactly the problems that its first lines name.

A file begins with one or more lines `# expect: LINE:COLUMN: part of the sentence`. A directory is one case of
several files, each with the problems expected in itself.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, load

CORPUS = Path(__file__).parent / "broken"
CASES = sorted(path.name for path in CORPUS.iterdir())
ENVIRON = {"HOME_PASSWORD": "hunter2", "EMPTY": ""}
EXPECT = re.compile(r"# expect: (\d+:\d+): (.*)")


def expected(case: Path) -> list[tuple[str, str]]:
    """(file:line:column, part of the sentence) of every problem that the case announces."""
    expectations = []
    for path in sorted(case.iterdir()) if case.is_dir() else [case]:
        for line in path.read_bytes().decode("utf-8-sig", errors="replace").splitlines():
            if match := EXPECT.match(line):
                expectations.append((f"{path}:{match[1]}", match[2]))
    return expectations


def test_the_corpus_is_worth_its_name() -> None:
    assert len(CASES) >= 50


@pytest.mark.timeout(10)
@pytest.mark.parametrize("case", CASES)
def test_every_problem_is_reported_at_its_place(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CORPUS)
    with pytest.raises(DesiredStateError) as error:
        load([Path(case)], ENVIRON)
    problems = list(error.value.problems)
    for position, fragment in expected(Path(case)):
        matches = [problem for problem in problems if str(problem.position) == position and fragment in str(problem)]
        assert matches, f"{position}: {fragment}\nis not among\n" + "\n".join(map(str, problems))
        problems.remove(matches[0])
    assert not problems, "not expected:\n" + "\n".join(map(str, problems))
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("case", CASES)
def test_sentences_are_fit_to_print(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CORPUS)
    with pytest.raises(DesiredStateError) as error:
        load([Path(case)], ENVIRON)
    assert list(error.value.problems) == sorted(set(error.value.problems))
    for problem in error.value.problems:
        assert str(problem).isprintable(), problem
        assert problem.message[0].islower() or not problem.message[0].isalpha()
        assert not problem.message.endswith("."), "the hint follows after a full stop"
        for jargon in (
            "pydantic",
            "Input should",
            "Value error",
            "str_type",
            "dict",
            "node",
            "#list",
            "None",
        ):
            assert jargon not in str(problem), problem
