"""`reconcile explain-error`: what a code means, with an example of wrong and of right YAML."""

from __future__ import annotations

import re

from reconciler.cli import console
from reconciler.cli.settings import CommandFailure
from reconciler.report.text.problems import render_problem_list, render_problem_page


def explain_error_command(text: str | None) -> int:
    """Print the page of a code, or without one the list of all codes. Return the exit code."""
    from reconciler.desired.problem_pages import load_problem_pages

    pages = load_problem_pages()
    if text is None:
        console.write_report_lines(render_problem_list((page.code, page.title) for page in pages.values()))
        return 0
    page = pages.get(_normalize_code(text))
    if page is None:
        raise CommandFailure(f"there is no code {text!a}. reconcile explain-error lists all codes", 4)
    console.write_report_lines(render_problem_page(page.code, page.title, page.text))
    return 0


def _normalize_code(text: str) -> str:
    """Return a code as it is written: `e12` and `error[E012]` are `E012`."""
    match = re.fullmatch(r"(?:\w*\[)?([ew])([0-9]{1,3})\]?:?", text.strip(), re.IGNORECASE)
    return f"{match[1].upper()}{int(match[2]):03}" if match else ""
