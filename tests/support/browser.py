"""A real browser: Debian's Chromium without a window, unpacked next to the servers, driven by playwright.

Everything that a page must never do is recorded while it is visited, and checked when the browser closes: an error in
the console, something that the page's own policy forbids, and a request to another host.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from reconciler.demo.packages import DebianPackage, can_fetch_packages
from tests.support.tools import build_tool_command, fetch_tool_folder

CHROMIUM: Final = DebianPackage(
    "trixie", name="chromium-headless-shell", program="usr/lib/chromium/chromium-headless-shell"
)
# It visits only pages of ours, so it needs no sandbox, which root may not have. Without a zygote it starts its other
# processes by our script, with the libraries next to it.
_OPTIONS: Final = ("--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-software-rasterizer")

WIDE: Final = 1280  # pixels: a laptop
NARROW: Final = 390  # pixels: a phone
HUGE: Final = 2560  # pixels: a wide screen
HEIGHT: Final = 800
PATIENCE: Final = 30_000  # milliseconds that a busy machine may take
CONTRAST: Final = "color-contrast"  # a rule of axe-core
COLOUR_RULES: Final = (CONTRAST, "link-in-text-block")  # most of the time of axe-core is for these

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


@dataclass
class Browser:
    """A browser with what it saw that must not be. `faults` is checked when pages close; a test may clear it before."""

    chromium: Chromium
    faults: list[str] = field(default_factory=list)

    def open(self, url: str, **options: Any) -> Page:
        """Return a new page at a URL. `options`: see `make_context`."""
        page = self.make_context(url, **options).new_page()
        page.goto(url)
        return page

    def make_context(self, url: str, *, scripts: bool = True, **options: Any) -> BrowserContext:
        """Return a browser that knows nothing, and may only ask the host of this URL. `options`: of playwright."""
        context = self.chromium.new_context(
            java_script_enabled=scripts, viewport={"width": WIDE, "height": HEIGHT}, **options
        )
        context.set_default_timeout(PATIENCE)
        context.on("console", self._record_message)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", lambda request: self._record_request(request, urlsplit(url).netloc))
        return context

    def close_pages(self) -> None:
        """Close all pages. Raises an assertion with the faults that were recorded."""
        for context in self.chromium.contexts:
            context.close()
        faults, self.faults = self.faults, []
        assert not faults, "\n".join(faults)

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _record_request(self, request: Request, host: str) -> None:
        if urlsplit(request.url).scheme != "data" and urlsplit(request.url).netloc != host:
            self.faults.append(f"request to another host: {request.url}")


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start a browser, and fail at its end if it has recorded a fault.

    One for each test, or for the tests of a module that run no event loop of their own: playwright keeps one running in
    its thread, in which no other can run.
    """
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory(prefix="browser-") as folder, sync_playwright() as playwright:
        script = Path(folder, "chromium")
        command = shlex.join(build_chromium_command())
        script.write_text(f'#!/bin/sh\nexec {command} --browser-subprocess-path={script} "$@"\n')
        script.chmod(0o700)
        chromium = playwright.chromium.launch(executable_path=script, args=[*_OPTIONS])
        browser = Browser(chromium)
        yield browser
        browser.close_pages()
        chromium.close()


@cache
def build_chromium_command() -> list[str]:
    """Return the command of the browser: of this machine if it has no Debian packages. Raises `ServerSetupError`.

    It looks for its data beside the running program, which is the loader: so the loader has a copy there.
    """
    if not can_fetch_packages() and (installed := shutil.which(CHROMIUM.name) or shutil.which("chromium")):
        return [installed]
    loader, *rest = build_tool_command(CHROMIUM)
    root = fetch_tool_folder(CHROMIUM)
    folder = (root / CHROMIUM.program).parent
    copy = folder / "loader"
    if not copy.exists():
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
            shutil.copy(Path(loader).resolve(), draft.name)
        Path(draft.name).replace(copy)  # another worker may do the same
    return ["env", f"FONTCONFIG_SYSROOT={root}", str(copy), *rest]  # with its own fonts, the same on every machine


@cache
def _read_axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def find_violations(
    page: Page, *, only: tuple[str, ...] = (), without: tuple[str, ...] = (), within: str = "html"
) -> list[str]:
    """Return the violations of accessibility that axe-core finds, a line each. Rows after the 25th are not looked at.

    `only`, `without`: names of rules. `within`: a selector.
    """
    if not page.query_selector(within):
        return []
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_read_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    options["rules"] = {rule: {"enabled": False} for rule in without}
    if only:
        options["runOnly"] = only
    parts = {"include": [within], "exclude": ["tbody tr:nth-child(n + 26)"]}
    result = page.evaluate("([parts, options]) => axe.run(parts, options)", [parts, options])
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:300]} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def find_overflow(page: Page) -> list[str]:
    """Return the elements that make the page wider than its window; none if it does not scroll sideways."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll("body *")]
                .filter(element => element.getBoundingClientRect().left + element.scrollWidth > width + 1)
                .map(element => element.outerHTML.slice(0, 200));
        }"""
    )
    return found


def find_bad_looks(page: Page, *, colours: bool) -> list[str]:
    """Return what is wrong on a phone, a laptop and a wide screen. `colours`: also all that axe finds, light and dark.

    The colours of a laptop are those of a phone, but for the heads of tables, which a phone does not show.
    """
    looks: list[tuple[Scheme, int]] = [("light", WIDE), ("light", NARROW)]
    if colours:  # in an order in which each differs little from the one before, which costs the browser least
        looks = [("light", WIDE), ("dark", WIDE), ("dark", NARROW), ("light", NARROW), ("light", HUGE)]
    problems: list[str] = []
    for scheme, width in looks:
        set_look(page, scheme, width)
        problems += [f"wider than {width} px, {scheme}: {element}" for element in find_overflow(page)]
        if not colours or width == HUGE:
            continue
        if (scheme, width) == ("light", NARROW):
            problems += find_violations(page)
        else:
            problems += find_violations(page, only=(CONTRAST,), within="thead" if width == WIDE else "html")
    set_look(page, "light", WIDE)
    return problems


def find_unreachable(page: Page) -> list[str]:
    """Walk through a page with the Tab key. Return what it does not reach, or not in order, or does not show."""
    page.evaluate(_BEGIN_WALK)
    for _ in range(page.evaluate("walk.stops")):
        page.keyboard.press("Tab")
    problems: list[str] = page.evaluate(_END_WALK)
    return problems


def find_unfocusable(page: Page) -> list[str]:
    """Return the same without keys, which is fast: give each thing the focus in turn, in the order of the Tab key."""
    page.evaluate(_BEGIN_WALK)
    problems: list[str] = page.evaluate(
        f"""() => {{
            for (const element of walk.wanted) if (element.tabIndex === 0) element.focus({{focusVisible: true}});
            return ({_END_WALK})();
        }}"""
    )
    return problems


_BEGIN_WALK: Final = """() => {
    const describe = element => element.outerHTML.slice(0, 200);
    const isUsable = element => element.checkVisibility({visibilityProperty: true}) && !element.disabled;
    const wanted = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(isUsable);
    const parts = document.querySelectorAll("input[type=datetime-local]").length * 8; // each has stops of its own
    const walk = window.walk = {wanted, reached: [], problems: [], stops: wanted.length + parts + 2};
    document.addEventListener("focusin", ({target}) => {
        if (walk !== window.walk || walk.reached.includes(target)) return;
        walk.reached.push(target);
        const style = getComputedStyle(target), box = target.getBoundingClientRect();
        if (style.outlineStyle === "none" && style.boxShadow === "none")
            walk.problems.push("no focus is seen on " + describe(target));
        const head = target.closest(".masthead") ? null : document.querySelector(".masthead");
        if (box.bottom <= (head?.getBoundingClientRect().bottom ?? 0) && !target.matches(".skip-link"))
            walk.problems.push("the head hides " + describe(target));
        if (box.top >= innerHeight) walk.problems.push("out of sight: " + describe(target));
    });
    document.activeElement.blur();
}"""
_END_WALK: Final = """() => {
    const {wanted, reached, problems} = window.walk;
    const missed = wanted.filter(element => element.isConnected && !reached.includes(element));
    const known = reached.filter(element => element.isConnected && wanted.includes(element));
    const isBefore = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING;
    const jumps = known.filter((element, index) => index && isBefore(known[index - 1], element));
    return [
        ...problems,
        ...missed.map(element => element.outerHTML.slice(0, 200)),
        ...(jumps.length > 1 ? jumps.map(element => "out of order: " + element.outerHTML.slice(0, 200)) : []),
    ]; // one jump is that from the end to the beginning
}"""


def set_look(page: Page, scheme: Scheme, width: int) -> None:
    """Let the page be seen in light or dark, by a window of that width."""
    page.emulate_media(color_scheme=scheme)
    if page.viewport_size != {"width": width, "height": HEIGHT}:
        page.set_viewport_size({"width": width, "height": HEIGHT})
