"""The verifier that the service would have for tags of this vault."""

from __future__ import annotations

from ntag424 import Keyring, Mode, UrlTemplate, Verifier
from ntag424_provisioning.errors import SetupError


def verifier_of(template: UrlTemplate, keyring: Keyring, mode: Mode = Mode.AES) -> Verifier:
    """Take those key versions that tags of *template* can have.

    Raises:
        SetupError: there are none.

    """
    fitting = [
        version
        for version in keyring
        if not template.encrypts or version.scheme.meta_read_number is not None
    ]
    try:
        return Verifier(template, Keyring(fitting), mode=mode)
    except ValueError as error:
        raise SetupError(
            f"template and keys do not go together: {error}", "Choose another template."
        ) from error
