"""Names of simulated tags, which are names of files too, and patterns of names."""

from __future__ import annotations

import re

from ntag424_provisioning.errors import SetupError

# No dot and no slash, so that no name leads out of the folder; no dash at the front,
# where it would be taken for an option.
_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_PATTERN = re.compile("[A-Za-z0-9_*?][A-Za-z0-9_*?-]{0,63}")
_LETTERS = "letters, digits, dash and underscore, 64 at most, and no dash in front"


def is_tag_name(text: str) -> bool:
    """Say whether a simulated tag may be called *text*."""
    return _NAME.fullmatch(text) is not None


def tag_name(text: str) -> str:
    """Return *text* if a simulated tag may be called so.

    Raises:
        SetupError: it may not.

    """
    if not is_tag_name(text):
        raise SetupError(f"no simulated tag is called {text!r}", f"Names have {_LETTERS}.")
    return text


def tag_pattern(text: str) -> str:
    """Return *text* if it is a name, or a pattern of names with `*` and `?`.

    Raises:
        SetupError: it is neither.

    """
    if not _PATTERN.fullmatch(text):
        hint = f"Names have {_LETTERS}; * and ? stand for others."
        raise SetupError(f"no simulated tags are called {text!r}", hint)
    return text
