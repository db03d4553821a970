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
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from reconciler.demo.packages import DebianPackage, can_fetch_packages
from tests.support.tools import build_tool_command, fetch_tool_folder

CHROMIUM: Final = DebianPackage(
    "trixie", name="chromium-headless-shell", program="usr/lib/chromium/chromium-headless-shell"
)
# It visits only pages of ours, so it needs no sandbox, which root may not have. Without a zygote it starts its other
# processes by our script, with the libraries next to it.
_OPTIONS: Final = ("--no-sandbox", "--no-zygote")

WIDE: Final = 1280  # pixels: a laptop
NARROW: Final = 390  # pixels: a phone
HEIGHT: Final = 800
CONTRAST: Final = "color-contrast"  # a rule of axe-core

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


@dataclass
class Browser:
    """A browser with what it saw that must not be. `faults` is checked when it closes; a test may clear it before."""

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
        context.set_default_timeout(10_000)
        context.on("console", self._record_message)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", lambda request: self._record_request(request, urlsplit(url).netloc))
        return context

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _record_request(self, request: Request, host: str) -> None:
        if urlsplit(request.url).scheme != "data" and urlsplit(request.url).netloc != host:
            self.faults.append(f"request to another host: {request.url}")


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start a browser, and fail at its end if it has recorded a fault.

    One for each test: playwright keeps an event loop running in its thread, in which no other can run.
    """
    with tempfile.TemporaryDirectory(prefix="browser-") as folder, sync_playwright() as playwright:
        script = Path(folder, "chromium")
        command = shlex.join(build_chromium_command())
        script.write_text(f'#!/bin/sh\nexec {command} --browser-subprocess-path={script} "$@"\n')
        script.chmod(0o700)
        chromium = playwright.chromium.launch(executable_path=script, args=[*_OPTIONS])
        browser = Browser(chromium)
        yield browser
        chromium.close()
        assert not browser.faults, "\n".join(browser.faults)


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


def find_violations(page: Page, *, contrast: bool | None = None) -> list[str]:
    """Return the violations of accessibility that axe-core finds, a line each.

    Most of the time is for the contrast of colours. `contrast`: only that, or all but that.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_read_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if contrast is not None:
        options |= {"runOnly": [CONTRAST]} if contrast else {"rules": {CONTRAST: {"enabled": False}}}
    result = page.evaluate("options => axe.run(document, options)", options)
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


def find_unreachable(page: Page) -> list[str]:
    """Return what can be clicked, but is not reached by the Tab key or does not show that it is reached."""
    page.evaluate(
        """() => {
            const usable = element => element.checkVisibility({visibilityProperty: true}) && !element.disabled;
            window.unreached = new Set(
                [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(usable)
            );
            document.activeElement.blur();
        }"""
    )
    missed: list[str] = []
    for _ in range(page.evaluate("unreached.size") + 2):
        page.keyboard.press("Tab")
        missed += page.evaluate(
            """() => {
                const element = document.activeElement, style = getComputedStyle(element);
                const isNew = unreached.delete(element);
                return isNew && style.outlineStyle === "none" && style.boxShadow === "none"
                    ? ["no focus is seen on " + element.outerHTML.slice(0, 200)] : [];
            }"""
        )
    return missed + list(page.evaluate("[...unreached].map(element => element.outerHTML.slice(0, 200))"))


def set_look(page: Page, scheme: Scheme, width: int) -> None:
    """Let the page be seen in light or dark, by a window of that width."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": HEIGHT})
