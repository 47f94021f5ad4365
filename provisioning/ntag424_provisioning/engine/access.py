"""What the access rights on a tag allow, and what they close: told before anything is written.

A right is a condition of a file (NT4H2421Gx §8.2.3.3): a key number, free, or never. Change
= never is final; anything else that is closed can be opened again by whoever has Change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ntag424.model.files import FREE, NEVER, AccessRights, Condition, FileSettings
from ntag424_provisioning.errors import RefusedError
from ntag424_provisioning.model.image import CC_FILE, NDEF_FILE, PROPRIETARY_FILE

FILE_NAMES = {CC_FILE: "CC", NDEF_FILE: "NDEF", PROPRIETARY_FILE: "proprietary"}
_HINT = "Nothing was written. Nobody can open this again, with whatever key: take another tag."
_UNREADABLE_HINT = (
    'Give the file rights that are known, if you have its keys: "ntag424 access set".'
)


def may_read(access: AccessRights, key_number: int) -> bool:
    """Whether who is authenticated with this key may read: by Read or ReadWrite."""
    return not {FREE, key_number}.isdisjoint({access.read, access.read_write})


def may_write(access: AccessRights, key_number: int) -> bool:
    """Whether who is authenticated with this key may write: by Write or ReadWrite."""
    return not {FREE, key_number}.isdisjoint({access.write, access.read_write})


def changer(access: AccessRights) -> int | None:
    """Return the key to authenticate with for ChangeFileSettings; None if it is closed for good.

    Where Change is free, any will do: key 0, which everything else needs.
    """
    if access.change is NEVER:
        return None
    return 0 if access.change is FREE else _number(access.change)


def condition_text(condition: Condition) -> str:
    """Say who meets a condition."""
    if isinstance(condition, int):
        return f"key {condition}"
    return "free" if condition is FREE else "never"


def held_by(key_number: int, settings: Mapping[int, FileSettings | None]) -> Iterator[str]:
    """Name the rights that this key alone opens."""
    for number, one in settings.items():
        if one is None:
            continue
        access, name = one.access, FILE_NAMES[number]
        if access.change == key_number:
            yield f"Change of the {name} file"
        if {access.write, access.read_write} - {NEVER} == {key_number}:
            yield f"Write of the {name} file"


def closed_text(number: int, access: AccessRights) -> str | None:
    """Say what of a file is closed to key 0, and who can open it again; None if nothing is."""
    name, by = FILE_NAMES[number], changer(access)
    if by is None:
        return f"{locked(number, access)}. Neither provision nor reset can be done."
    if by:
        return f"Change of the {name} file is key {by}'s: only who has it can change its rights."
    if number != PROPRIETARY_FILE and not _writers(access):
        return f"Write of the {name} file is closed; {_opener(access)} can open it again."
    return None


def locked(number: int, access: AccessRights) -> str:
    """Say what follows for a file whose Change is closed for good."""
    name = FILE_NAMES[number]
    writers = _writers(access)
    if not writers:
        kept = (
            "the URL stays what it is" if number == NDEF_FILE else "its content stays what it is"
        )
        return f"Change of the {name} file is closed for good, and so is Write: {kept}"
    kept = "its rights and mirrors stay" if number == NDEF_FILE else "its rights stay"
    return (
        f"Change of the {name} file is closed for good: {kept} what they are, and only its "
        f"content can be written, by {writers}"
    )


def require_allowed(
    present: Mapping[int, FileSettings | None], wanted: Mapping[int, FileSettings]
) -> None:
    """Refuse what the tag will refuse, before the first command that changes it.

    All five keys are taken to be known. Then whoever has Change opens every other right
    first, so what Change leaves closed is all that can stand in the way.

    Raises:
        RefusedError: names every file and right, and what follows.

    """
    unknown, closed = [], []
    for number, target in wanted.items():
        one = present.get(number)
        if one is None:
            unknown.append(FILE_NAMES[number])
        elif one != target and changer(one.access) is None:
            closed.append(locked(number, one.access))
    if closed:
        raise RefusedError(f"the tag does not allow it. {'. '.join(closed)}", _HINT)
    if unknown:
        raise RefusedError(
            f"the settings of the {' and '.join(unknown)} file are none that a tag should have, "
            "so nobody can tell what they allow",
            _UNREADABLE_HINT,
        )


def _opener(access: AccessRights) -> str:
    return "everybody" if access.change is FREE else condition_text(access.change)


def _writers(access: AccessRights) -> str:
    if FREE in (access.write, access.read_write):
        return "everybody"
    keys = {one for one in (access.write, access.read_write) if one is not NEVER}
    return " or ".join(condition_text(one) for one in sorted(keys, key=_number))


def _number(condition: Condition) -> int:
    return condition if isinstance(condition, int) else condition.value
