"""The schema of `categories`.

The rules for names are the rules of qBittorrent's Session: a value that an instance would store differently would be
drift for ever.
"""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import STRICT_CONFIG, SavePath, check_one_line, check_save_path
from reconciler.model.codes import Code


@lru_cache(maxsize=4096)
def check_category_name(text: str) -> str:
    """The name of a category, with `/` between sub-categories."""
    check_one_line("the category", text)
    if "\\" in text:
        raise InvalidValue(Code.CATEGORY, 'a category cannot contain "\\"', 'Separate sub-categories with "/"')
    if text.startswith("/") or text.endswith("/") or "//" in text:
        raise InvalidValue(
            Code.CATEGORY, 'a category cannot begin or end with "/", or contain "//"', 'Write it like "linux/iso"'
        )
    return text


CategoryName = Annotated[str, AfterValidator(check_category_name)]


def check_category_download_path(value: object) -> object:
    """The folder of a category's incomplete downloads: a path, False for none, None for not managed."""
    if isinstance(value, str):
        return check_save_path(value)
    if value is None or value is False:
        return value
    raise InvalidValue(Code.PATH, "a download_path must be a path, or false for none", "Write it like /data/incomplete")


@with_config(STRICT_CONFIG)
class CategoryEntry(TypedDict, total=False):
    """One category. A path that is absent or `null` is not managed."""

    save_path: SavePath | None
    download_path: Annotated[Any, AfterValidator(check_category_download_path)]


CategoryEntries = dict[CategoryName, CategoryEntry | None]
