"""The CPU time of each folder is said, with that of commands, and what is too much is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LIMIT = """
from tests.support import cpu_seconds

cpu_seconds.MAX_SECONDS = 0.3
"""
EXAMPLE = """
import time

import pytest

@pytest.fixture
def make_server():
    work(0.1)

def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

def test_that_works():
    work(0.5)

def test_with_a_server(make_server):
    pass
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_summary_says_how_much_cpu_time_the_tests_of_a_folder_take(tmp_path: Path, workers: str) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    (tmp_path / "conftest.py").write_text(LIMIT)
    (folder / "test_example.py").write_text(EXAMPLE)
    plugins = ("-p", "tests.support.cpu_seconds", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, *plugins, "--cpu-seconds", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("slow "))
    _, without, with_server, note = line.split(maxsplit=3)
    assert float(without) >= 0.5 and float(with_server) >= 0.1, done.stdout
    assert note == "more than 0.3 without a server"
