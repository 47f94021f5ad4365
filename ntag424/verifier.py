"""A URL in, a verified tap out: no store, no clock, no network."""

from __future__ import annotations

from ntag424.arguments import require_type
from ntag424.errors import TapMacError
from ntag424.keys import Keyring, is_diversified
from ntag424.model import Generation, Mode
from ntag424.sdm import VerifiedTap, verify_any, verify_named
from ntag424.url_template import UrlTemplate


class Verifier:
    """Verifies the taps of all tags that carry URLs of one template.

    A verified tap is genuine. Whether it is fresh, only a ledger can say: pass
    `tap.counted()` to `TagLedger.redeem`.

    *mode* is that of tags whose URL does not tell it: `{picc}` tells by its length.

    Raises:
        ValueError: the template encrypts and a key version has no meta-read key; it
            does not name key versions and there are too many to try; or it does not
            show the UID and the keys depend on it.

    """

    def __init__(self, template: UrlTemplate, keyring: Keyring, *, mode: Mode = Mode.AES) -> None:
        require_type("template", template, UrlTemplate, instead='UrlTemplate("https://...")')
        require_type("keyring", keyring, Keyring, instead="Keyring.single(...) for one key scheme")
        require_type("mode", mode, Mode, instead="Mode.AES or Mode.LRP")
        if template.encrypts and any(v.scheme.meta_read_number is None for v in keyring):
            raise ValueError("{picc} needs a meta-read key in every key version")
        if not template.names_key_version:
            _ = keyring.candidates  # too many of them is found out now, not at a tap
        if not template.shows_uid and any(is_diversified(v.scheme) for v in keyring):
            raise ValueError("without the UID only keys that all tags share can be tried")
        self._shows = (template.shows_uid, template.shows_counter)
        self.template = template
        self.keyring = keyring
        self.mode = mode

    def verify(self, url: str) -> VerifiedTap:
        """Check *url*, exactly as the phone received it.

        Raises:
            MalformedTapError: it does not match the template.
            TapMacError: no accepted key confirms it.

        """
        parsed = self.template.parse(url, mode=self.mode)
        if parsed.key_version is None:
            tap = verify_any(parsed.message, self.keyring)
        else:
            named = Generation(parsed.key_version, parsed.epoch)
            tap = verify_named(parsed.message, self.keyring, named)
        # PICCData may hold less, or more, than the template says.
        if (tap.uid is not None, tap.read_counter is not None) != self._shows:
            raise TapMacError
        return tap
