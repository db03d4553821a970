"""The measurements of commands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.command import measure_command

GROWTH = 200  # MiB
LITTLE = [sys.executable, "-I", "-S", "-c", "print('done')"]


def test_the_peak_of_a_command_does_not_depend_on_what_the_bench_has_in_memory(tmp_path: Path) -> None:
    _, small_peak, output = measure_command(LITTLE, tmp_path)
    grown = b"x" * (GROWTH << 20)
    _, peak, _ = measure_command(LITTLE, tmp_path)
    assert output == b"done\n"
    assert len(grown) == GROWTH << 20
    assert peak < small_peak + 10 < 50


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="some message"):
        measure_command([sys.executable, "-I", "-S", "-c", "raise SystemExit('some message')"], tmp_path)
