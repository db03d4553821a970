"""Only a test with the marker `flaky` is retried, and the summary counts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = """
import pytest

attempts = []

@pytest.mark.flaky(reason="the moon")
def test_fails_once():
    attempts.append(1)
    assert len(attempts) == 2

@pytest.mark.flaky(reason="the tide")
def test_fails_always():
    assert False

@pytest.mark.flaky(reason="the wind")
def test_passes():
    pass

def test_fails_once_without_the_marker():
    attempts.append(1)
    assert len(attempts) > 3
"""


def test_only_a_marked_test_is_retried_and_the_summary_names_it(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.support.flaky",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "2 failed, 2 passed" in done.stdout, done.stdout
    assert "3 flaky tests" in done.stdout
    assert "test_fails_once retried: the moon" in done.stdout
    assert "test_fails_always retried: the tide" in done.stdout
    assert "test_passes passed at once: the wind" in done.stdout
