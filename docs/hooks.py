"""Hooks of the site: its navigation, and the links that lead out of docs/.

A forge shows the same pages as files, so they link files of the repository and are listed in docs/README.md. The site
takes its navigation from that list, contains the project's own pages, and serves the other files that pages link.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT: Final = Path(__file__).parents[1]
_PROJECT_PAGES: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
_FENCE: Final = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]+)?\)")
_EXTERNAL_RESOURCE: Final = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^>]*>|<link\b(?![^>]*rel=\"?canonical)[^>]*href=[\"']?(?:https?:)?//[^>]*>"
)
_HEADING_OR_ROW: Final = re.compile(r"^## (.+)$|^\| \[(.+?)\]\((\S+?)\)", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the navigation: a section for each heading of docs/README.md, a page for each row of its table."""
    sections: list[dict[str, Any]] = []
    text = (_ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for heading, title, target in _HEADING_OR_ROW.findall(text):
        if heading:
            sections.append({heading: []})
        elif (path := _resolve("README.md", target)).startswith("docs/"):
            next(iter(sections[-1].values())).append({title: path.removeprefix("docs/")})
        elif path in _PROJECT_PAGES:
            next(iter(sections[-1].values())).append({title: _site_path(path)})
    config.nav = [{"Overview": "README.md"}, *sections]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the project, and every other file of the repository that a page links."""
    for name in _PROJECT_PAGES:
        files.append(File.generated(config, _site_path(name), content=(_ROOT / name).read_text(encoding="utf-8")))
    linked = {
        _resolve(page.src_uri, target) for page in files.documentation_pages() for _, target, _ in _find_links(page)
    }
    for path in sorted(linked):
        if not path.startswith("docs/") and path not in _PROJECT_PAGES and _is_served(path):
            files.append(File.generated(config, _site_path(path), abs_src_path=str(_ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return the page with links that lead to the files of the site."""
    here = page.file.src_uri

    def replace_link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = _resolve(here, target)
        if path.startswith("docs/"):
            new = path.removeprefix("docs/")
        elif path in _PROJECT_PAGES or _is_served(path):
            new = _site_path(path)
        else:
            return text  # code, which the site does not contain
        return f"[{text}]({posixpath.relpath(new, posixpath.dirname(here) or '.')}{anchor})"

    passages = _FENCE.split(markdown)
    return "".join(
        passage if passage.lstrip().startswith("```") else _LINK.sub(replace_link, passage) for passage in passages
    )


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Return the page unchanged. Raises `PluginError` if a browser would load something of it from elsewhere."""
    if loaded := _EXTERNAL_RESOURCE.search(output):
        raise PluginError(f"{page.file.src_uri} loads from elsewhere: {loaded[0]}")
    return output


def _find_links(page: File) -> list[tuple[str, str, str]]:
    return _LINK.findall(_FENCE.sub("", page.content_string))


def _resolve(page: str, target: str) -> str:
    """Return the path in the repository that a link of a page leads to."""
    folder = "" if page.startswith("project/") else posixpath.join("docs", posixpath.dirname(page))
    return posixpath.normpath(posixpath.join(folder, target))


def _site_path(path: str) -> str:
    """Return the path in the site of a file outside docs/."""
    return f"project/{path.lower() if path in _PROJECT_PAGES else path}"


def _is_served(path: str) -> bool:
    """True for a file that a reader may want to copy: no folder and no code."""
    return not path.endswith(".py") and (_ROOT / path).is_file()
