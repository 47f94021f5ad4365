"""Fleets whose keys follow from a master key: the file holds UIDs, the vault the master key."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import KeyVersion, Uid
from ntag424.keys import KeyScheme, SentryEv2Keys
from ntag424_provisioning.imports._found import (
    RowError,
    alternatives,
    counter_of,
    label_of,
    uid_of,
)
from ntag424_provisioning.imports._rows import Row
from ntag424_provisioning.imports._sentry_digests import SentryDigests
from ntag424_provisioning.model import KnownTag, Slots, Stage
from ntag424_provisioning.model.profile import slot_key

# Whoever wrote the tags by hand left it at 0, or began with 1.
_LIKELIEST_LAST = (1, 0)


@dataclass(frozen=True, slots=True)
class SdmBackendTags:
    """A `Source` of UIDs that a sdm-backend accepts; that server keeps no list of its own."""

    version: KeyVersion
    #: The version byte of its keys, as `ntag424 inspect` shows it; None where nobody looked.
    version_byte: int | None = None

    def read(self, row: Row) -> KnownTag:
        """See `Source.read`."""
        uid = uid_of(row.first("uid"))
        slots = _slots(uid, self.version.scheme, self.version_byte)
        # `read_ctr` is what its /api/ calls answer.
        return _tag(row, uid, slots, row.first("read_ctr", "counter"))


@dataclass(frozen=True, slots=True)
class SentryTags:
    """A `Source` of UIDs and counters of SENTRY-Messenger.

    Its database names tags by digests of their UIDs alone.
    """

    version: KeyVersion
    version_byte: int | None = None
    digests: SentryDigests | None = None

    def read(self, row: Row) -> KnownTag:
        """See `Source.read`."""
        uid = self._uid(row)
        slots = _slots(uid, self.version.scheme, self.version_byte)
        return _tag(row, uid, slots, row.first("last_ctr", "counter"))

    def _uid(self, row: Row) -> Uid:
        digest = row.first("uid_digest")
        told = row.first("uid", "uid_hex", "uid_hash")
        if told or not digest:
            return uid_of(told)
        if self.digests is None:
            raise RowError("it has no UID but a digest: --uids and --account-key-file")
        return self.digests.uid(digest)


def _tag(row: Row, uid: Uid, slots: Slots, counter: str) -> KnownTag:
    label = label_of(row.first("label", "name"))
    return KnownTag(uid, slots, Stage.READY, label=label, counter=counter_of(counter))


def _slots(uid: Uid, scheme: KeyScheme, version_byte: int | None) -> Slots:
    """Reckon in every slot with the scheme's key, and with the factory's.

    Of these systems, the one that verifies does not know what the one that wrote did
    with the slots that are not used for taps.
    """
    likely = _likely_bytes(scheme) if version_byte is None else (version_byte,)
    return tuple(
        alternatives(slot_key(scheme, uid, number, 0), *likely, blank=True) for number in range(5)
    )


def _likely_bytes(scheme: KeyScheme) -> tuple[int, ...]:
    if not isinstance(scheme, SentryEv2Keys) or scheme.key_version is None:
        return _LIKELIEST_LAST
    told = scheme.key_version & 0xFF  # as it enters the keys
    return _LIKELIEST_LAST if told in _LIKELIEST_LAST else (*_LIKELIEST_LAST, told)
