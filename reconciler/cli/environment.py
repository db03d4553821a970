"""Finds environment variables that look like options of `reconcile` and are none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

_PREFIX: Final = r"(?i)RECONCILE(R?)[^A-Z0-9]+"
# What Kubernetes sets for a Service named "reconcile" or "reconcile-…" (docs: "Services", "Environment variables").
_SERVICE_LINK: Final = (
    r"(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
_OFF_WORDS: Final = frozenset({"", "0", "f", "false", "n", "no", "off"})
_SUGGESTED_FROM: Final = 0.6  # similarity from which an option is suggested
_MISSPELT_FROM: Final = 0.75  # similarity from which the variable is taken for that option, misspelt
# Options without which a run does more than with them: on more instances, with other files, or at all.
NARROWING_OPTIONS: Final = ("dry_run", "expect_plan", "file", "instance", "secrets_for", "shard", "state_dir")


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """A variable that no option reads. `near`: the variable that may be meant, or "".

    `misspelt_option`: the option of `near` where the two hardly differ, and the value is not "off".
    """

    name: str
    near: str = ""
    misspelt_option: str = ""

    @property
    def text(self) -> str:
        """The variable and the one that may be meant, as the beginning of a message."""
        suggestion = f". Did you mean {self.near}?" if self.near else ""
        return f"no option reads the variable {self.name}{suggestion}"


def find_unknown_variables(environ: Mapping[str, str], known: Collection[str]) -> Iterator[UnknownVariable]:
    """Iterate over the variables that begin like those of options (`known`), are none, and are no Service links."""
    suspects = sorted(name for name in environ.keys() - known if name[:2].upper() == "RE")  # mostly none
    by_letters = {_letters(name.removeprefix("RECONCILE_")): name for name in sorted(known)} if suspects else {}
    for name in suspects:
        prefix = re.match(_PREFIX, name)
        if not prefix or re.fullmatch(_SERVICE_LINK, name[prefix.end() :]):
            continue
        letters = _letters(name[prefix.end() :])
        near = _find_near(letters, by_letters, _SUGGESTED_FROM)
        misspelt = _find_near(letters, by_letters, _MISSPELT_FROM)
        if prefix[1] and not misspelt:
            continue  # RECONCILER_…: another program's
        is_off = environ[name].strip().lower() in _OFF_WORDS
        option = "" if is_off else misspelt.removeprefix("RECONCILE_").lower()
        yield UnknownVariable(name, near, option)


def _find_near(letters: str, by_letters: Mapping[str, str], similarity: float) -> str:
    if letters.startswith("DRY") or "DRYRUN" in letters:
        return by_letters.get("DRYRUN", "")
    matches = get_close_matches(letters, by_letters, 1, similarity)
    return by_letters[matches[0]] if matches else ""


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", name.upper())
