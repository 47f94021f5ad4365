"""Why a URL does not verify, or a tag refuses: for operators, never for the public.

`explain` searches for the key, mode, mirror and MAC window under which a URL would
verify, and names every difference from what its template and keyring say. `diagnose`
reads the APDUs of a log (`read_log`), and names the part of a command that is wrong.
"""

from ntag424.diagnosis.apdu import (
    AesSession,
    ApduDiagnosis,
    DecodedExchange,
    Exchange,
    Fault,
    Field,
    Known,
    KnownKey,
    LrpSession,
    Part,
    diagnose,
    exchange_text,
    read_log,
)
from ntag424.diagnosis.tap.explain import explain
from ntag424.diagnosis.tap.report import Evidence, Explanation, Finding, Identity, Problem

__all__ = [
    "AesSession",
    "ApduDiagnosis",
    "DecodedExchange",
    "Evidence",
    "Exchange",
    "Explanation",
    "Fault",
    "Field",
    "Finding",
    "Identity",
    "Known",
    "KnownKey",
    "LrpSession",
    "Part",
    "Problem",
    "diagnose",
    "exchange_text",
    "explain",
    "read_log",
]
