"""The codes of problems: well formed, unique, and none without a page or a use."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.desired.problem_pages import load_problem_pages
from reconciler.model.codes import Code

PACKAGE = Path(__file__).parents[2] / "reconciler"
CODES = {name: value for name, value in vars(Code).items() if name.isupper()}


def test_codes_are_stable_words() -> None:
    assert all(re.fullmatch("[EW][0-9]{3}", code) for code in CODES.values())
    assert len(set(CODES.values())) == len(CODES) > 80
    assert list(load_problem_pages()) == list(CODES.values())


def test_every_code_is_used() -> None:
    texts = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    used = {name for text in texts for name in re.findall(r"\bCode\.([A-Z_0-9]+)", text)}
    assert used == set(CODES)
