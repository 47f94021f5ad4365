"""Which life comes next: never one that was, whatever vault, ledger and tag remember."""

from __future__ import annotations

from ntag424 import Generation, KeyVersion
from ntag424_provisioning.errors import RefusedError
from ntag424_provisioning.model import Profile

_LAST = 0xFF


def next_generation(
    version: KeyVersion, profile: Profile, former: Generation | None, highest_epoch: int
) -> Generation:
    """Return the generation after *former* for a tag that is written under *version*.

    *former* is the highest that vault or ledger know, *highest_epoch* the highest that
    the tag shows.

    Raises:
        RefusedError: there is none left under this version.

    """
    floor = former or Generation()
    if version.ordinal < floor.key_version:
        raise RefusedError(
            f"the tag was written under key version {floor.key_version} already, and "
            f"{version.ordinal} is the active one",
            'Make a version that is higher with "ntag424 keys rotate".',
        )
    if not _has_epochs(version, profile):
        return _without_epochs(version, former)
    epoch = 1 + max(floor.epoch, highest_epoch)
    if epoch <= _LAST:
        return Generation(version.ordinal, epoch)
    if version.ordinal > floor.key_version:
        return Generation(version.ordinal, 1)
    raise RefusedError(
        "the tag was provisioned 255 times under this key version",
        'Make a new one with "ntag424 keys rotate".',
    )


def _has_epochs(version: KeyVersion, profile: Profile) -> bool:
    return profile.template.names_epoch and len(version.scheme.epochs) > 1


def _without_epochs(version: KeyVersion, former: Generation | None) -> Generation:
    if former is not None and version.ordinal == former.key_version:
        raise RefusedError(
            "the tag was provisioned under this key version before, and neither template nor "
            "scheme can say that this is another life",
            'Use a template with {kv} and {epoch}, or make a new version with "keys rotate".',
        )
    return Generation(version.ordinal, 0)
