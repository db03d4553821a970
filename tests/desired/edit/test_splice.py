"""Edits of files: the requested change and nothing else, whatever the layout of the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.desired.edit import (
    UnsupportedLayout,
    YamlFile,
)
from reconciler.desired.render import EntrySource, YamlEntry
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, STEEL
from tests.support.examples import run_examples

NEW = YamlEntry(EntrySource("magnet", STEEL), {"category": "films", "tags": ["a", "b: c"]})
BLOCK = f'  - magnet: {STEEL}\n    category: films\n    tags: [a, "b: c"]\n'
FLOW = f'{{magnet: "{STEEL}", category: films, tags: [a, "b: c"]}}'


def file_of(text: str) -> YamlFile:
    return YamlFile(Path("desired.yaml"), text.encode())


# before and after an entry is added to the last document that has torrents
ADDED = {
    "block": (f"torrents:\n  - magnet: {SINTEL}\n", f"torrents:\n  - magnet: {SINTEL}\n{BLOCK}"),
    "no indent": (
        f"torrents:\n- magnet: {SINTEL}\n",
        f"torrents:\n- magnet: {SINTEL}\n" + BLOCK.replace("\n  ", "\n")[2:],
    ),
    "no last line break": (f"torrents:\n  - magnet: {SINTEL}", f"torrents:\n  - magnet: {SINTEL}\n{BLOCK}"),
    "crlf": (
        f"torrents:\r\n  - magnet: {SINTEL}\r\n",
        f"torrents:\r\n  - magnet: {SINTEL}\r\n" + BLOCK.replace("\n", "\r\n"),
    ),
    "comments": (
        f"torrents: # all\n  # a\n  - magnet: {SINTEL}  # one\n    # paused: true\n  # - magnet: off\n# end\n",
        f"torrents: # all\n  # a\n  - magnet: {SINTEL}  # one\n    # paused: true\n{BLOCK}  # - magnet: off\n# end\n",
    ),
    "blank lines between": (
        f"torrents:\n  - magnet: {SINTEL}\n\n  - magnet: {BUNNY}\n\n# end\n",
        f"torrents:\n  - magnet: {SINTEL}\n\n  - magnet: {BUNNY}\n\n{BLOCK}\n# end\n",
    ),
    "followed by a key": (
        f"torrents:\n  - magnet: {SINTEL}\ndefaults:\n  paused: true\n",
        f"torrents:\n  - magnet: {SINTEL}\n{BLOCK}defaults:\n  paused: true\n",
    ),
    "a nested list last": (
        f"torrents:\n  - magnet: {SINTEL}\n    tags:\n      - a\n      - b # two\n",
        f"torrents:\n  - magnet: {SINTEL}\n    tags:\n      - a\n      - b # two\n{BLOCK}",
    ),
    "a folded text last": (
        f"torrents:\n  - magnet: {SINTEL}\n    name: >-\n      a\n      b\n",
        f"torrents:\n  - magnet: {SINTEL}\n    name: >-\n      a\n      b\n{BLOCK}",
    ),
    "an alias last": (
        f"torrents:\n  - magnet: {SINTEL}\n    tags: &t [a]\n  - magnet: {BUNNY}\n    tags: *t\n",
        f"torrents:\n  - magnet: {SINTEL}\n    tags: &t [a]\n  - magnet: {BUNNY}\n    tags: *t\n{BLOCK}",
    ),
    "a merge last": (
        f"torrents:\n  - &a\n    magnet: {SINTEL}\n    paused: true\n  - <<: *a\n    magnet: {BUNNY}\n",
        f"torrents:\n  - &a\n    magnet: {SINTEL}\n    paused: true\n  - <<: *a\n    magnet: {BUNNY}\n{BLOCK}",
    ),
    "keys for anchors": (
        f"x-a: &a\n  - magnet: no link\ntorrents:\n  - magnet: {SINTEL}\nx-b:\n  c: 1\n",
        f"x-a: &a\n  - magnet: no link\ntorrents:\n  - magnet: {SINTEL}\n{BLOCK}x-b:\n  c: 1\n",
    ),
    "tabs before comments": (
        f"torrents:\t# a\n  - magnet: {SINTEL}\t#b\n",
        f"torrents:\t# a\n  - magnet: {SINTEL}\t#b\n{BLOCK}",
    ),
    "a comment before the first key": (
        f"torrents:\n  - # Sintel - 1\n    magnet: {SINTEL}\n",
        f"torrents:\n  - # Sintel - 1\n    magnet: {SINTEL}\n{BLOCK}",
    ),
    "an anchor": (f"torrents: &all\n  - magnet: {SINTEL}\n", f"torrents: &all\n  - magnet: {SINTEL}\n{BLOCK}"),
    "empty": ("torrents: []\n# end\n", f"torrents:\n{BLOCK}# end\n"),
    "empty with a comment": ("torrents: [ ]  # none yet\n", f"torrents:  # none yet\n{BLOCK}"),
    "empty with a comment inside": ("torrents: [ # none\n]\n", f"torrents: [{FLOW} # none\n]\n"),
    "no key": ("owner: me  # that is me\n# end\n", f"owner: me  # that is me\n\ntorrents:\n{BLOCK}# end\n"),
    "flow": (f'torrents: [{{magnet: "{SINTEL}"}}]\n', f'torrents: [{{magnet: "{SINTEL}"}}, {FLOW}]\n'),
    "flow, comma": (f'torrents: [{{magnet: "{SINTEL}"}}, ]\n', f'torrents: [{{magnet: "{SINTEL}"}}, {FLOW}, ]\n'),
    "flow, a line each": (
        f'torrents: [\n  {{magnet: "{SINTEL}"}}  # one\n]\n',
        f'torrents: [\n  {{magnet: "{SINTEL}"}},  # one\n  {FLOW}\n]\n',
    ),
    "flow, a line each, comma": (
        f'torrents: [\n  {{magnet: "{SINTEL}"}},  # one\n]\n',
        f'torrents: [\n  {{magnet: "{SINTEL}"}},  # one\n  {FLOW},\n]\n',
    ),
    "several documents": (
        f"torrents:\n  - magnet: {SINTEL}\n...\n# two\n---\nversion: 1\ntorrents:\n  - magnet: {BUNNY}\n...\n",
        f"torrents:\n  - magnet: {SINTEL}\n...\n# two\n---\nversion: 1\ntorrents:\n  - magnet: {BUNNY}\n{BLOCK}...\n",
    ),
}


@pytest.mark.parametrize("case", ADDED)
def test_add(case: str) -> None:
    before, after = ADDED[case]
    file = file_of(HEAD + before)
    assert file.add_entries(file.find_best_document({}), [NEW]) == HEAD + after


def test_add_to_json() -> None:
    text = HEAD.replace("\n", "").replace("version: 1", '{"version": 1, ').replace("policy: sync", '"policy": "sync", ')
    text = text.replace("instances: {home: {url:", '"instances": {"home": {"url":') + "}\n"
    file = file_of(text)
    assert file.add_entries(0, [NEW]) == text[:-2] + f", torrents: [{FLOW}]}}\n"
    listed = file_of(text[:-2] + ', "torrents": []}\n')
    assert listed.add_entries(0, [NEW]) == text[:-2] + f', "torrents": [{FLOW}]}}\n'


# before, which go, after
REMOVED = {
    "the first": (f"torrents:\n  - magnet: {SINTEL}\n  - magnet: {BUNNY}\n", [0], f"torrents:\n  - magnet: {BUNNY}\n"),
    "the last": (f"torrents:\n  - magnet: {SINTEL}\n  - magnet: {BUNNY}", [1], f"torrents:\n  - magnet: {SINTEL}\n"),
    "the only one": (f"torrents: # all\n  - magnet: {SINTEL}\n# end\n", [0], "torrents: [] # all\n# end\n"),
    "all": (f"torrents:\n  - magnet: {SINTEL}\n  # x\n  - magnet: {BUNNY}\n", [0, 1], "torrents: []\n  # x\n"),
    "with its comments": (
        f"torrents:\n  # above\n  - # in\n    magnet: {SINTEL} # on\n    # under\n  # below\n  - magnet: {BUNNY}\n",
        [0],
        f"torrents:\n  # above\n  # below\n  - magnet: {BUNNY}\n",
    ),
    "blank lines stay": (
        f"torrents:\n  - magnet: {SINTEL}\n\n  - magnet: {BUNNY}\n\nowner: me\n",
        [1],
        f"torrents:\n  - magnet: {SINTEL}\n\n\nowner: me\n",
    ),
    "crlf": (f"torrents:\r\n- magnet: {SINTEL}\r\n- magnet: {BUNNY}\r\n", [0], f"torrents:\r\n- magnet: {BUNNY}\r\n"),
    "flow, first": (
        f'torrents: [{{magnet: "{SINTEL}"}}, {{magnet: "{BUNNY}"}}]\n',
        [0],
        f'torrents: [{{magnet: "{BUNNY}"}}]\n',
    ),
    "flow, last": (
        f'torrents: [{{magnet: "{SINTEL}"}}, {{magnet: "{BUNNY}"}}]\n',
        [1],
        f'torrents: [{{magnet: "{SINTEL}"}}]\n',
    ),
    "flow, all": (f'torrents: [{{magnet: "{SINTEL}"}}, {{magnet: "{BUNNY}"}}]\n', [0, 1], "torrents: []\n"),
    "flow, the only one, comma": (f'torrents: [{{magnet: "{SINTEL}"}},]\n', [0], "torrents: []\n"),
    "flow, a line each": (
        f'torrents: [\n  {{magnet: "{SINTEL}"}},\n  {{magnet: "{BUNNY}"}}, # two\n]\n',
        [0],
        f'torrents: [\n  {{magnet: "{BUNNY}"}}, # two\n]\n',
    ),
    "flow, its comment stays": (
        f'torrents: [\n  {{magnet: "{SINTEL}"}}, # one\n  {{magnet: "{BUNNY}"}}\n]\n',
        [0],
        f'torrents: [\n   # one\n  {{magnet: "{BUNNY}"}}\n]\n',
    ),
}


@pytest.mark.parametrize("case", REMOVED)
def test_remove(case: str) -> None:
    before, indexes, after = REMOVED[case]
    assert file_of(HEAD + before).remove_entries([(0, index) for index in indexes]) == HEAD + after


STUCK = [
    (f"<<: {{torrents: [{{magnet: '{SINTEL}'}}]}}\n", "merged, or an alias"),
    (f"? torrents\n: - magnet: {SINTEL}\n  - magnet: {BUNNY}\n", "on the same line as something else"),
    (f"torrents: &all\n  - magnet: {SINTEL}\n", "has an anchor"),
]


@pytest.mark.parametrize(("text", "reason"), STUCK)
def test_what_cannot_be_removed_is_said(text: str, reason: str) -> None:
    with pytest.raises(UnsupportedLayout, match=reason):
        file_of(HEAD + text).remove_entries([(0, 0)])


def test_what_cannot_be_added_to_is_said() -> None:
    with pytest.raises(UnsupportedLayout, match="alter something else"):
        file_of(HEAD + STUCK[0][0]).add_entries(0, [NEW])


def test_an_anchor_that_others_need_is_for_the_load_to_tell() -> None:
    file = file_of(HEAD + f"torrents:\n  - magnet: {SINTEL}\n    tags: &t [a]\n  - magnet: {BUNNY}\n    tags: *t\n")
    text = file.remove_entries([(0, 0)])
    with pytest.raises(Exception, match="alias"):
        load([file.path], {}, texts={file.path: text})


# --- any layout ---

COMMENTS = st.sampled_from(["", "  # why: not", "\t#x", " #"])
NEWLINES = st.sampled_from(["\n", "\r\n"])
INSIDE_BRACKETS = st.sampled_from([("[", "]"), ("[ ", " ]"), ("[\n  ", "\n]"), ("[ # c\n  ", "  # d\n ]")])
SEPARATORS = st.sampled_from([", ", ",", ",\n  ", ", # x\n    "])
TRAILING_COMMAS = st.sampled_from(["", ",", " ,"])
MORE_KEYS = st.lists(
    st.sampled_from(
        [
            "paused: true",
            "category: a b",
            "'name': 'it''s'",
            "tags: [a, 'b']",
            "tags:\n      - x\n      - y",
            "name: |-\n      t",
        ]
    ),
    max_size=3,
    unique_by=lambda key: key.strip("'")[:4],
)
QUOTES = st.sampled_from(["", "'", '"'])
DASHES = st.sampled_from(["- ", "-   ", "- # n - m\n{indent}  ", "- &a{number}\n{indent}  "])
FILLERS = st.sampled_from(["", "\n", "  # a comment\n", "# - magnet: x\n", "\n\n", "    # deep é 𝄞\n"])


@st.composite
def entries(draw: st.DrawFn, number: int) -> tuple[str, list[str]]:
    """The keys of an entry, as they could be written."""
    digits = f"{number + 1:040x}"
    quote = draw(QUOTES)
    keys = [f"magnet: {quote}magnet:?xt=urn:btih:{digits}{quote}"]
    for key in draw(MORE_KEYS):
        keys.insert(draw(st.integers(0, len(keys))), key)
    return digits, keys


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A valid file with block or flow torrents in one of its documents, and the infohashes in it."""
    count = draw(st.integers(1, 4))
    indent = " " * draw(st.integers(0, 3))
    infohashes, lines = [], []
    if flow := draw(st.booleans()):
        items = []
        for number in range(count):
            digits, keys = draw(entries(number))
            infohashes.append(digits)
            kept = [key for key in keys if "\n" not in key]
            quoted = [key if key.count('"') or key.count("'") else key.replace("magnet:?", '"magnet:?') for key in kept]
            items.append("{" + ", ".join(key + '"' * (key.count('"') % 2) for key in quoted) + "}")
        join = draw(SEPARATORS)
        begin, end = draw(INSIDE_BRACKETS)
        comma = draw(TRAILING_COMMAS)
        lines.append(f"torrents: {begin}{join.join(items)}{comma}{end}{draw(COMMENTS)}\n")
    else:
        lines.append(f"torrents:{draw(COMMENTS)}\n")
        for number in range(count):
            digits, keys = draw(entries(number))
            infohashes.append(digits)
            lines.append(draw(FILLERS))
            dash = draw(DASHES).format(indent=indent, number=number)
            margin = indent + ("    " if dash == "-   " else "  ")
            body = f"\n{margin}".join(key.replace("\n    ", f"\n{margin}") for key in keys)
            tail = "" if "\n" in keys[-1] or "|" in keys[-1] else draw(COMMENTS)
            lines.append(f"{indent}{dash}{body}{tail}\n")
    lines.append(draw(FILLERS))
    if draw(st.booleans()):
        lines.append("owner: me\n")
    if draw(st.booleans()):
        lines.append("---\nversion: 1\n# more\n")
    text = HEAD + draw(FILLERS) + "".join(lines)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    if not flow or "|" not in text:
        text = text.replace("\n", draw(NEWLINES))
    return text, infohashes


def hashes_in(text: str) -> list[str]:
    path = Path("desired.yaml")
    return [str(torrent.infohashes) for torrent in load([path], {}, texts={path: text}).torrents]


def kept(before: str, after: str) -> bool:
    """Return True if `after` contains all of `before`, in the same order."""
    rest = iter(after)
    return all(sign in rest for sign in before)


@run_examples(60, searched=1500)
@given(files())
def test_whatever_the_layout_adding_keeps_every_byte(generated: tuple[str, list[str]]) -> None:
    """And what was added can be removed again."""
    text, infohashes = generated
    assume(_is_valid(text))
    assert hashes_in(text) == infohashes
    after = file_of(text).add_entries(0, [NEW])
    assert kept(text, after)
    assert hashes_in(after) == [*infohashes, STEEL[-40:]]
    again = file_of(after).remove_entries([(0, len(infohashes))])
    assert _squeezed(again) == _squeezed(text)


@run_examples(60, searched=1500)
@given(files(), st.data())
def test_whatever_the_layout_removing_takes_out_one_stretch(
    generated: tuple[str, list[str]], data: st.DataObject
) -> None:
    text, infohashes = generated
    assume(_is_valid(text))
    index = data.draw(st.integers(0, len(infohashes) - 1))
    after = file_of(text).remove_entries([(0, index)])
    assert hashes_in(after) == infohashes[:index] + infohashes[index + 1 :]
    assert kept(after.replace("torrents: []", "torrents:") if len(infohashes) == 1 else after, text)
    if len(infohashes) > 1:
        removed_length = len(text) - len(after)
        assert any(text[:offset] + text[offset + removed_length :] == after for offset in range(len(after) + 1)), (
            "more than one place changed"
        )


def _squeezed(text: str) -> str:
    """Return the text without commas, blank lines and other space."""
    return "".join(text.replace(",", "").split())


def _is_valid(text: str) -> bool:
    try:
        hashes_in(text)
    except Exception:
        return False
    return True
