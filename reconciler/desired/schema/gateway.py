"""The schema of `intake` and `gateway`: what services hand in, and how they may speak to us."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, BeforeValidator, Field, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import (
    STRICT_CONFIG,
    SecretSource,
    check_api_url,
    check_one_line,
    has_control_character,
)
from reconciler.desired.schema.probes import parse_networks
from reconciler.model.codes import Code


def check_intake_file(text: str) -> str:
    """The path of the file of the intake."""
    hint = "Write it like /state/intake.yaml"
    if has_control_character(text) or "://" in text:
        raise InvalidValue(Code.INTAKE_FILE, "the file of the intake must be a path, on one line", hint)
    if not text.endswith((".yaml", ".yml")) or text.rpartition("/")[2].startswith("."):
        message = "the name of the file of the intake must end with .yaml, and not begin with a dot"
        raise InvalidValue(Code.INTAKE_FILE, message, hint)
    return text


@with_config(STRICT_CONFIG)
class IntakeEntry(TypedDict, total=False):
    """The file that holds what services hand in, and where it goes."""

    file: Required[Annotated[str, AfterValidator(check_intake_file)]]
    instance: str
    max_torrents: Annotated[int, Field(ge=0)]
    max_delete: Annotated[int, Field(ge=0)]


def parse_trusted(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of peers that need no credentials: one or a list."""
    try:
        return parse_networks(value)
    except InvalidValue as invalid:
        raise InvalidValue(Code.GATEWAY_VALUE, invalid.message, invalid.hint) from None


def check_service_text(text: str) -> str:
    """The name or host that another program is told."""
    if text.split() != [text] or has_control_character(text):
        raise InvalidValue(Code.GATEWAY_VALUE, "this must be a name without spaces", "Write it like reconcile")
    return check_one_line("the name", text)


ServiceText = Annotated[str, AfterValidator(check_service_text)]


@with_config(STRICT_CONFIG)
class RegisterEntry(TypedDict, total=False):
    """The program to register with, and the address that it is told."""

    url: Required[Annotated[str, AfterValidator(check_api_url)]]
    name: ServiceText
    host: Required[ServiceText]
    port: Required[Annotated[int, Field(ge=1, le=65_535)]]


@with_config(STRICT_CONFIG)
class DownloaderEntry(TypedDict, total=False):
    """The adapter for a core that hands downloads to services."""

    register: RegisterEntry


@with_config(STRICT_CONFIG)
class CreatorEntry(TypedDict, total=False):
    """The adapter that creates torrents."""

    instance: Required[str]


def check_no_settings(value: dict[str, Any]) -> dict[str, Any]:
    """The settings of an adapter that has none."""
    if value != {}:
        raise InvalidValue(Code.GATEWAY_VALUE, "this adapter has no settings", "Write {}")
    return value


NoSettings = Annotated[dict[str, Any], AfterValidator(check_no_settings)]


@with_config(STRICT_CONFIG)
class ServicesEntry(TypedDict, total=False):
    """The adapters for other programs."""

    downloader: DownloaderEntry
    router: NoSettings
    radarr: NoSettings
    creator: CreatorEntry


ShowsWord = Literal["intake", "owned", "all"]


@with_config(STRICT_CONFIG)
class GatewayEntry(TypedDict, total=False):
    """The Web API that we speak ourselves."""

    username: SecretSource
    password: SecretSource
    api_key: SecretSource
    shows: ShowsWord
    trusted: Annotated[Any, BeforeValidator(parse_trusted)]
    services: ServicesEntry


GATEWAY_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "intake": tuple(IntakeEntry.__annotations__),
    "gateway": tuple(GatewayEntry.__annotations__),
    "services": tuple(ServicesEntry.__annotations__),
    "downloader": tuple(DownloaderEntry.__annotations__),
    "register": tuple(RegisterEntry.__annotations__),
    "creator": tuple(CreatorEntry.__annotations__),
}
GATEWAY_CHOICES: Final[dict[str, tuple[str, ...]]] = {"shows": get_args(ShowsWord)}
GATEWAY_NUMBER_TEXTS: Final = {"port": "a port from 1 to 65535"}
