"""Instances with their secrets, and categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.builders.instances import build_categories, build_instances
from reconciler.desired.context import LoadContext
from reconciler.model.desired import BasicAuth, DesiredCategory, Instance
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
        (
            "api_key: {env: X}, basic_auth: {username: a, password: {env: X}}",
            "3:54: the api_key and basic_auth would need the same header, Authorization. Use username and password",
        ),
        (
            "api_key: {env: X}, headers: {Authorization: {env: X}}",
            "3:64: the header Authorization is already used by the api_key or basic_auth. Keep one of the two",
        ),
        (
            "basic_auth: {username: 'a:b', password: {env: X}}",
            "3:58: the username of basic_auth contains a colon, which HTTP does not allow. Choose another one",
        ),
        (
            "headers: {A: {env: X}, a: {env: X}}",
            "3:58: this header is already there: upper and lower case are equal. Keep one",
        ),
        (
            "headers: {A: {env: SPACE}}",
            "3:45: this value cannot be sent in a header. Use ASCII characters, and no spaces around them",
        ),
        ("username: '', password: 'b'", "3:45: the username is empty. Fill it in, or remove the key"),
        (
            "when_unhealthy: pause",
            '3:35: "when_unhealthy: pause" has no effect without a probe. Add one to "health"',
        ),
    ],
)
def test_an_instance_has_one_way_to_log_in_and_a_reason_to_pause(keys: str, problem: str) -> None:
    environ = {"X": "x", "SPACE": " x"}
    assert list_problems(f"  home: {{url: 'http://127.0.0.1', {keys}}}\n", environ) == [problem]


def test_credentials_for_a_proxy_are_secrets() -> None:
    context = LoadContext({"NAME": "box", "PW": "hunter2"})
    keys = "basic_auth: {username: {env: NAME}, password: {env: PW}}, headers: {X-A: {env: PW}}"
    text = f"  home: {{url: 'https://a', {keys}}}\n"
    home = build(text, context)["home"]
    assert (home.basic_auth, home.headers) == (BasicAuth("box", Secret("hunter2")), {"X-A": Secret("hunter2")})
    assert (home.has_proxy_credentials, home.has_authorization_header) == (True, True)
    assert context.problems == context.warnings == []
    assert "hunter2" not in repr(home)
    assert list_problems(text) == [
        "3:57: the environment variable NAME is not set. Set it where reconcile runs",
        "3:80: the environment variable PW is not set. Set it where reconcile runs",
        "3:107: the environment variable PW is not set. Set it where reconcile runs",
    ]


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
