"""Instances with their secrets, and categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.builders.instances import build_categories, build_instances
from reconciler.desired.context import LoadContext
from reconciler.model.desired import DesiredCategory, Instance
from reconciler.model.health import UnhealthyPolicy
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from tests.support.desired_yaml import check_text, list_texts


def build(text: str, context: LoadContext, folder: Path | None = None) -> dict[str, Instance]:
    return build_instances([check_text(f"version: 1\ninstances:\n{text}", folder)], context)


def list_problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    context = LoadContext(environ or {})
    build(text, context)
    return list_texts(context.problems)


def test_an_instance_has_what_is_declared_and_defaults_for_the_rest() -> None:
    context = LoadContext({"PW": "hunter2"})
    text = """\
  home:
    url: http://127.0.0.1:8080
    username: admin
    password: {env: PW}
    timeout: {read: 2m}
    when_unhealthy: pause
    health: [{interface: wg0}]
    categories: {linux: {save_path: /data/linux, download_path: false}, films: null}
"""
    home = build(text, context)["home"]
    assert context.problems == context.warnings == []
    assert (home.name, home.position, home.url) == ("home", Position("desired.yaml", 3, 3), "http://127.0.0.1:8080")
    assert (home.username, home.password, home.api_key) == ("admin", Secret("hunter2"), None)
    assert (home.read_timeout, home.tls_verify, home.ca_file) == (120.0, True, None)
    assert home.when_unhealthy is UnhealthyPolicy.PAUSE
    assert [str(probe.check) for probe in home.health] == ["interface wg0"]
    assert home.categories == {
        "linux": DesiredCategory("linux", Position("desired.yaml", 10, 18), "/data/linux", False),
        "films": DesiredCategory("films", Position("desired.yaml", 10, 73), None, None),
    }


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("username: a", '3:3: this instance has a username and no password. Add "password: {env: NAME}"'),
        ("password: 'b'", '3:3: this instance has a password and no username. Add "username: …"'),
        (
            "api_key: 'k', username: a, password: 'b'",
            "3:3: this instance has an api_key and a username or password. Keep one way to log in",
        ),
        ("username: '', password: 'b'", "3:45: the username is empty. Fill it in, or remove the key"),
        (
            "when_unhealthy: pause",
            '3:35: "when_unhealthy: pause" has no effect without a probe. Add one to "health"',
        ),
    ],
)
def test_an_instance_has_one_way_to_log_in_and_a_reason_to_pause(keys: str, problem: str) -> None:
    assert list_problems(f"  home: {{url: 'http://127.0.0.1', {keys}}}\n") == [problem]


@pytest.mark.parametrize("url", ["http://a:80", "https://a:80/", "http://A/"])
def test_the_same_server_twice_is_a_problem(url: str) -> None:
    (problem,) = list_problems(f"  home: {{url: 'http://a'}}\n  other: {{url: '{url}'}}\n")
    assert problem.startswith("4:16: this server is already declared at desired.yaml:3:15: each of the two instances")


def test_another_port_or_path_is_another_server() -> None:
    assert list_problems("  a: {url: 'http://a'}\n  b: {url: 'http://a:81'}\n  c: {url: 'http://a/x'}\n") == []


def test_a_url_may_come_from_a_variable_which_is_checked_and_never_quoted() -> None:
    text = "  home: {url: {env: URL}}\n"
    assert build(text, LoadContext({"URL": "http://127.0.0.1:8080"}))["home"].url == "http://127.0.0.1:8080"
    (problem,) = list_problems(text, {"URL": "http://admin:hunter2@a"})
    assert problem.startswith("3:21: a url must not contain credentials")
    context = LoadContext({})
    assert build(text, context)["home"].url == "http://unresolved.invalid/home"
    assert len(context.problems) == 1


def test_a_ca_file_is_relative_to_the_file_and_must_exist(tmp_path: Path) -> None:
    text = "  home: {url: 'https://a', tls: {ca_file: ca.pem}}\n"
    context = LoadContext({})
    assert build(text, context, tmp_path)["home"].ca_file == str(tmp_path / "ca.pem")
    assert list_texts(context.problems) == [
        "3:43: there is no such CA file. Check the path; it is relative to this file"
    ]
    (tmp_path / "ca.pem").touch()
    context = LoadContext({})
    build(text, context, tmp_path)
    assert (context.problems, context.files) == ([], [str(tmp_path / "ca.pem")])


def test_categories_of_all_instances_have_positions_too() -> None:
    checked = check_text("version: 1\ncategories:\n  a/b: {save_path: /data}\n  c:\n")
    assert build_categories(checked.document, ("categories",), checked.entry["categories"]) == {
        "a/b": DesiredCategory("a/b", Position("desired.yaml", 3, 3), "/data", None),
        "c": DesiredCategory("c", Position("desired.yaml", 4, 3), None, None),
    }
    assert build_categories(checked.document, ("categories",), {}) == {}
