"""The browser sees what is wrong with a page: otherwise the tests of the pages would prove nothing."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import NARROW, find_overflow, find_unreachable, find_violations, set_look, start_browser

BAD_PAGE = """<!doctype html>
<html><head><title>Bad</title>
<meta http-equiv="Content-Security-Policy" content="style-src 'none'; img-src *">
<style>p { color: red }</style></head>
<body><main><h1>Bad</h1>
<a href="#" style="outline: none">one</a><button tabindex="-1">two</button><input>
<pre>a line that is far too long for a narrow window of a telephone, and that nobody breaks anywhere at all</pre>
<img src="https://elsewhere.invalid/x.png" alt="">
<script>console.error("three"); undefined.four</script>
</main></body></html>"""
GOOD_PAGE = """<!doctype html>
<html lang="en"><head><title>Good</title><meta name="viewport" content="width=device-width"></head>
<body><main><h1>Good</h1><a href="#">one</a> <button>two</button></main></body></html>"""


def test_a_bad_page_is_found_out_and_a_good_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(BAD_PAGE)
    (tmp_path / "good.html").write_text(GOOD_PAGE)
    with start_browser() as browser:
        page = browser.open(f"file://{tmp_path}/good.html")
        assert find_violations(page) == find_unreachable(page) == find_overflow(page) == browser.faults == []
        page.goto(f"file://{tmp_path}/bad.html")
        violations = " ".join(find_violations(page))
        assert "html-has-lang" in violations and "label" in violations
        assert [text[:8] for text in find_unreachable(page)] == ["<button "]
        set_look(page, "dark", NARROW)
        assert "<pre>" in find_overflow(page)[0]
        faults, browser.faults = " ".join(browser.faults), []
    for fault in ("three", "four", "style-src", "request to another host: https://elsewhere.invalid/x.png"):
        assert fault in faults, fault
