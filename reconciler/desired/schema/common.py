"""The value types that several parts of the schema share, each with its rule."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    Tag,
    TypeAdapter,
    with_config,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.model.codes import Code
from reconciler.model.units import SECONDS_BY_UNIT

STRICT_CONFIG: Final = ConfigDict(extra="forbid", strict=True)


class _Deferred:
    """The mark of a value that few documents have: pydantic builds its schema when the first document has one.

    To build all of them takes 30 ms, for which every command would wait. The value must not be `Annotated` itself,
    because pydantic does not show us these annotations.
    """

    is_suspended = False

    def __get_pydantic_core_schema__(self, shape: Any, build: GetCoreSchemaHandler) -> CoreSchema:
        if self.is_suspended:
            return build(shape)
        config = None if hasattr(shape, "__pydantic_config__") else STRICT_CONFIG  # a mapping of ours has its own
        get_adapter: Callable[[], TypeAdapter[Any]] = cache(lambda: TypeAdapter(shape, config=config))
        return core_schema.no_info_plain_validator_function(lambda value: get_adapter().validate_python(value))

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Context in which schemas are built whole, for who reads them."""
        self.is_suspended = True
        try:
            yield
        finally:
            self.is_suspended = False


DEFERRED: Final = _Deferred()

# --- names and text

_CONTROL_CHARACTER: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"  # none is printable
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")


def check_one_line(subject: str, text: str) -> str:
    """Text that qBittorrent stores unchanged: not empty, on one line, no space around it."""
    if not text:
        raise InvalidValue(Code.ONE_LINE, f"{subject} is empty", "Fill it in, or leave it out")
    if has_control_character(text):
        raise InvalidValue(
            Code.ONE_LINE, f"{subject} contains a line break or control character", "Write it on one line"
        )
    if text != text.strip():
        raise InvalidValue(
            Code.ONE_LINE, f"{subject} begins or ends with a space, which qBittorrent removes", "Remove the space"
        )
    return text


def check_plain_name(subject: str, text: str) -> str:
    """The name of an instance, a group or an owner, which becomes part of tags, labels and file names."""
    if not _PLAIN_NAME.match(text):
        raise InvalidValue(Code.NAME, f"{subject} may contain only letters, digits and . _ -", "Choose another name")
    return text


def has_control_character(text: str) -> bool:
    """True for text with a line break or another control character."""
    return not text.isprintable() and bool(re.search(_CONTROL_CHARACTER, text))


# --- lists of which no other items may exist


def select_list_branch(value: Any) -> str | None:
    """Return the branch of a value that is a list, or `{only: […]}`."""
    return "#list" if isinstance(value, list) else "#only" if isinstance(value, dict) else None


# --- paths

_PATH_ROOT = re.compile(r"/|[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/](?=[^\\/])")  # /, C:\, \\server\share


@lru_cache(maxsize=4096)
def check_save_path(text: str) -> str:
    """An absolute path as qBittorrent sees it, on Linux or Windows, in the form in which it reports the path."""
    check_one_line("the path", text)
    root = _PATH_ROOT.match(text)
    if not root:
        raise InvalidValue(
            Code.PATH,
            'this path is not absolute, and "~", variables and relative paths are not resolved',
            "Write it in full, as qBittorrent sees it: /data/linux or C:\\data",
        )
    parts = text[root.end() :].split("/") if text[0] == "/" else re.split(r"[\\/]", text[root.end() :])
    if "." in parts or ".." in parts or "" in parts[:-1]:
        raise InvalidValue(
            Code.PATH,
            'this path contains ".", ".." or an empty part, which qBittorrent would normalize',
            "Write the normalized path",
        )
    return text


def check_profile_path(text: str) -> str:
    """An absolute path, or one relative to the profile of qBittorrent, like `logs`."""
    is_relative = text[:1].isalnum() and text[1:2] != ":" and "\\" not in text
    if not is_relative:
        return check_save_path(text)
    check_save_path(f"/{check_one_line('the path', text)}")
    return text


SavePath = Annotated[str, AfterValidator(check_save_path)]

# --- durations

_DURATION: Final = r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?"
_MAX_DURATION: Final = float(SECONDS_BY_UNIT["d"])


def parse_duration(value: object) -> object:
    """`1h30m` -> seconds, over 0 and at most a day. Anything but text and numbers is left to the schema."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_usable = isinstance(value, int) and 0 < value <= _MAX_DURATION
        hint = f"Write {value}s for seconds" if is_usable else "Write it like 5s, 90m or 1h30m"
        raise InvalidValue(Code.DURATION, "a duration needs a unit: d, h, m or s", hint)
    if not isinstance(value, str):
        return value
    seconds = parse_seconds(value)
    if seconds is None:
        raise InvalidValue(
            Code.DURATION,
            "a duration must be a whole number with a unit: d, h, m or s",
            "Write it like 5s, 90m or 1h30m",
        )
    if not 0 < seconds <= _MAX_DURATION:
        raise InvalidValue(Code.DURATION, "a duration must be more than 0s and at most 1d", "Write it like 5s or 2m")
    return float(seconds)


def parse_seconds(text: str) -> int | None:
    """`1h30m` -> 5400; None for anything but a whole number of days, hours, minutes and seconds."""
    match = re.fullmatch(_DURATION, text)
    if not text or not match:
        return None
    parts = zip(match.groups(), SECONDS_BY_UNIT.values(), strict=True)
    return sum(int(digits[:9]) * seconds for digits, seconds in parts if digits)


Duration = Annotated[float, BeforeValidator(parse_duration)]
DURATION_TEXT: Final = "a duration like 5s or 2m"

# --- URLs. No message quotes one: it may contain a credential or a passkey.


def check_api_url(text: str) -> str:
    """The address of a Web API: a base path is allowed, credentials and a query are not."""
    hint = "Write it like http://127.0.0.1:8080 or https://seedbox.example/qbittorrent/"
    if has_control_character(text) or any(character.isspace() for character in text):
        raise InvalidValue(Code.URL, "this url contains a space or control character", hint)
    parts = split_url(text, hint)
    if parts.scheme not in ("http", "https") or "://" not in text:
        raise InvalidValue(Code.URL, "a url must begin with http:// or https://", hint)
    if "@" in parts.netloc:
        raise InvalidValue(
            Code.URL,
            "a url must not contain credentials",
            "Use username and password, or api_key; for a proxy before qBittorrent, basic_auth",
        )
    if "?" in text or "#" in text:
        raise InvalidValue(Code.URL, 'a url cannot contain "?" or "#"', hint)
    if not has_host(parts) or "\\" in text:
        raise malformed_url_error(hint)
    return text


def split_url(text: str, hint: str, subject: str = "this url") -> SplitResult:
    """The parts of a URL, with a port that can be read. Raises `InvalidValue`, with `hint`, for a malformed one."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise malformed_url_error(hint, subject) from None
    return parts


def has_host(parts: SplitResult) -> bool:
    """True for a URL with a host and a port other than 0."""
    return bool(parts.hostname) and parts.port != 0


def malformed_url_error(hint: str, subject: str = "this url") -> InvalidValue:
    """The error for a URL whose host or port is malformed."""
    return InvalidValue(Code.URL, f"{subject} is not usable: its host or port is malformed", hint)


STAND_IN_DOMAIN: Final = ".invalid"  # of the URL that an instance without a valid one gets

# --- secrets, and other text that may come from a variable or a file

_SECRET_HOST: Final = r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_environment_name(text: str) -> str:
    """The name of an environment variable. Never quoted: it may be the secret itself, in the wrong place."""
    if not ENVIRONMENT_NAME.match(text):
        raise InvalidValue(
            Code.VARIABLE_NAME,
            "the name of an environment variable may contain only letters, digits and _",
            "Write env: MY_PASSWORD",
        )
    return text


_HOSTS_HINT: Final = "Write it like seedbox.example, seedbox.example:8443 or [seedbox.example, 10.0.0.5]"


def parse_secret_hosts(value: object) -> tuple[str, ...]:
    """The hosts that a secret is for, one or a list, each with a port or without, as they are compared."""
    hosts = value if isinstance(value, list) else [value]
    if not hosts or not all(isinstance(host, str) for host in hosts):
        raise InvalidValue(Code.SECRET_HOST, "this must be the name of a host, or a list of them", _HOSTS_HINT)
    return tuple(map(_parse_secret_host, hosts))


def _parse_secret_host(text: str) -> str:
    match = re.fullmatch(_SECRET_HOST, f"[{text}]" if text.count(":") > 1 and text[0] != "[" else text)
    if not match:
        raise InvalidValue(Code.SECRET_HOST, "this is not the name of a host", _HOSTS_HINT)
    port = f":{int(match['port'])}" if match["port"] else ""
    return f"{normalize_host(match['host'].strip('[]'))}{port}"


def normalize_host(host: str) -> str:
    """Return a host name or address in the form in which hosts are compared, an IPv6 address in brackets."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower().rstrip(".")
    return f"[{address}]" if address.version == 6 else str(address)


_ForKey = TypedDict("_ForKey", {"for": Annotated[tuple[str, ...], BeforeValidator(parse_secret_hosts)]}, total=False)


@with_config(STRICT_CONFIG)
class SecretReference(_ForKey, total=False):
    """`{env: NAME}` or `{file: PATH}`, and `for` its hosts. `secrets.resolve_text` checks that it is one of the two."""

    env: Annotated[str, AfterValidator(check_environment_name)]
    file: str


def get_reference_key(source: SecretReference) -> Literal["env", "file"]:
    """Return the key that says where a secret comes from."""
    return "env" if "env" in source else "file"


def _select_source_branch(value: Any) -> str:
    return "#from" if isinstance(value, dict) else "#text"


SecretSource = Annotated[
    Annotated[str, Tag("#text")] | Annotated[SecretReference, Tag("#from")],
    Discriminator(_select_source_branch),
]
UrlSource = Annotated[
    Annotated[str, AfterValidator(check_api_url), Tag("#text")] | Annotated[SecretReference, Tag("#from")],
    Discriminator(_select_source_branch),
]
