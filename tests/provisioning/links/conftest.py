"""Fields for nfcpy; the tests over PC/SC run programs of their own, see `program`."""

from tests.readers.conftest import nfcpy_place, patient_place

__all__ = ["nfcpy_place", "patient_place"]
