"""What callers pass, looked at where it comes in: a mistake is an error there, and says its fix.

No sentence repeats a value: it may be a key.
"""

from __future__ import annotations

from collections.abc import Iterable


def require_type(
    name: str, value: object, kind: type | tuple[type, ...], *, instead: str = ""
) -> None:
    """Refuse a *value* of another type; *instead* says how a right one is made.

    Raises:
        TypeError: names the argument, what it has to be, and what it is.

    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(one.__name__ for one in kinds)
        raise TypeError(_sentence(name, wanted, value, instead))


def require_octets(name: str, value: object, *, instead: str = "bytes.fromhex(...)") -> None:
    """Refuse what is no bytes, nor a buffer of bytes: most often a text of hex digits."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(_sentence(name, "bytes", value, instead))


def require_bytes(name: str, value: object, *, instead: str = "bytes.fromhex(...)") -> bytes:
    """Return *value*, which is kept as it is: a buffer is refused, for it could change."""
    if not isinstance(value, bytes):
        raise TypeError(_sentence(name, "bytes", value, instead))
    return value


def require_text(name: str, value: object, *, instead: str = "") -> None:
    """Refuse what is no text."""
    require_type(name, value, str, instead=instead)


def require_number(name: str, value: object) -> int:
    """Return *value*; refuse what is no whole number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(_sentence(name, "int", value, ""))
    return value


def require_each(name: str, values: Iterable[object], kind: type, *, instead: str) -> None:
    """Refuse values of which one is of another type; see `require_type`."""
    for value in values:
        require_type(f"each of {name}", value, kind, instead=instead)


def _sentence(name: str, wanted: str, value: object, instead: str) -> str:
    told = f"{name} has to be {wanted}, not {type(value).__name__}"
    return f"{told}: write {instead}" if instead else told
