"""Why a URL does not verify: for operators, never for the public.

`explain` searches for the key, mode, mirror and MAC window under which a URL would
verify, and names every difference from what its template and keyring say.
"""

from ntag424.diagnosis._explain import explain
from ntag424.diagnosis._explanation import Evidence, Explanation
from ntag424.diagnosis._problem import Finding, Problem

__all__ = ["Evidence", "Explanation", "Finding", "Problem", "explain"]
