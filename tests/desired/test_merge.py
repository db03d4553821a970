"""Files, directories, documents, aliases: how what is written becomes one desired state."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired import load
from reconciler.model.desired import Policy
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, STEEL, load_text, magnet_uri, write_file


def test_aliases_and_merge_keys(tmp_path: Path) -> None:
    text = f"""{HEAD}torrents:
  - &first
    magnet: {SINTEL}
    tags: &tags [a, b]
    paused: true
  - magnet: {BUNNY}
    <<: *first
    tags: *tags
    paused: false
  - <<: [{{paused: true, name: inner}}, *first]
    magnet: {STEEL}
    category: c
"""
    first, second, third = load_text(tmp_path, text).torrents
    assert magnet_uri(second) == BUNNY
    assert (second.paused, second.tags) == (False, first.tags)
    assert (magnet_uri(third), third.paused, third.name, third.tags) == (STEEL, True, "inner", first.tags)


def test_keys_for_anchors_hold_values_that_entries_use(tmp_path: Path) -> None:
    text = f"""
x-film: &film
  category: films
  tags: &tags [a]
x-login: &login {{username: admin, password: {{env: SECRET}}}}
x-anything: [1, {{magnet: no link}}, null]
x-: 1
version: 1
policy: sync
instances:
  home: {{<<: *login, url: "http://127.0.0.1:8080"}}
torrents:
  - {{<<: *film, magnet: "{SINTEL}"}}
  - {{magnet: "{BUNNY}", tags: *tags}}
---
x-film: another document has its own
version: 1
"""
    desired = load([write_file(tmp_path, text)], {"SECRET": "s"})
    assert [(entry.category, entry.tags) for entry in desired.torrents] == [
        ("films", desired.torrents[1].tags),
        (None, desired.torrents[0].tags),
    ]
    assert desired.instances["home"].username == "admin"


def test_two_documents_in_one_file_have_their_own_defaults(tmp_path: Path) -> None:
    text = f"""{HEAD}defaults: {{paused: true}}
torrents: [{{magnet: "{SINTEL}"}}]
---
version: 1
torrents: [{{magnet: "{BUNNY}"}}]
...
"""
    assert [entry.paused for entry in load_text(tmp_path, text).torrents] == [True, None]


def test_a_directory_means_its_yaml_files_sorted(tmp_path: Path) -> None:
    write_file(tmp_path, f'version: 1\ndefaults: {{paused: true}}\ntorrents: [{{magnet: "{BUNNY}"}}]\n', "b.yml")
    write_file(tmp_path, f'{HEAD}torrents: [{{magnet: "{SINTEL}"}}]\n', "c.yaml")
    write_file(tmp_path, f'version: 1\ntorrents: [{{magnet: "{STEEL}"}}]\n', "a.yaml")
    for ignored in (".hidden.yaml", "notes.txt", "desired.yaml.bak", "desired.yaml~"):
        write_file(tmp_path, "not: [valid", ignored)
    (tmp_path / "folder.yaml").mkdir()
    desired = load([tmp_path], {})
    assert [(Path(entry.position.file).name, entry.paused) for entry in desired.torrents] == [
        ("a.yaml", None),
        ("b.yml", True),
        ("c.yaml", None),
    ]


def test_torrents_keep_the_order_of_the_paths(tmp_path: Path) -> None:
    first = write_file(tmp_path, f'version: 1\ntorrents: [{{magnet: "{BUNNY}"}}]\n', "z.yaml")
    second = write_file(tmp_path, f'{HEAD}torrents: [{{magnet: "{SINTEL}"}}]\n', "a.yaml")
    assert [magnet_uri(entry) for entry in load([first, second], {}).torrents] == [BUNNY, SINTEL]


@pytest.mark.parametrize(
    "text", ["\ufeff" + HEAD, HEAD.replace("\n", "\r\n"), HEAD.replace("\n", "\r"), "%YAML 1.2\n---\n" + HEAD]
)
def test_what_editors_do_to_a_file_does_not_matter(tmp_path: Path, text: str) -> None:
    path = tmp_path / "desired.yaml"
    path.write_bytes(text.encode())
    assert load([path], {}).policy is Policy.SYNC


def test_another_document_adds_categories_to_an_instance(tmp_path: Path) -> None:
    more = "version: 1\ninstances: {home: {categories: {b: {save_path: /b}, c: }}}\n"
    own = HEAD + "categories: {b: {save_path: /all}}\n"
    for texts in ((own, more), (more, own)):
        paths = [write_file(tmp_path, text, f"{number}.yaml") for number, text in enumerate(texts)]
        desired = load(paths, {})
        assert [*desired.instances] == ["home"]
        categories = desired.categories_of("home")
        assert {name: category.save_path for name, category in categories.items()} == {"b": "/b", "c": None}
        assert desired.instances["home"].categories["b"].position.file == str(paths[texts.index(more)])
