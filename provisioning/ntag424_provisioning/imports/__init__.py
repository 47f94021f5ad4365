"""Moving house: tags that other systems wrote, with the keys that are on them now."""

from ntag424_provisioning.imports._boltcard import Boltcards
from ntag424_provisioning.imports._derived import SdmBackendTags, SentryTags
from ntag424_provisioning.imports._found import RowError, Source
from ntag424_provisioning.imports._plan import ImportPlan, plan_import
from ntag424_provisioning.imports._rows import AnyRow, BadRow, Row, read_rows
from ntag424_provisioning.imports._sentry_digests import SentryDigests
from ntag424_provisioning.imports._sources import Origin, SourceOptions, open_source, read_file

__all__ = [
    "AnyRow",
    "BadRow",
    "Boltcards",
    "ImportPlan",
    "Origin",
    "Row",
    "RowError",
    "SdmBackendTags",
    "SentryDigests",
    "SentryTags",
    "Source",
    "SourceOptions",
    "open_source",
    "plan_import",
    "read_file",
    "read_rows",
]
