"""Which tags can log in here; an enrolment of any other is refused."""

from __future__ import annotations

from dataclasses import dataclass

from ntag424 import Generation, Keyring, UrlTemplate, Verifier
from ntag424.replay import Enrolment
from ntag424_service.errors import NotServedError


@dataclass(frozen=True, slots=True)
class Served:
    """The template and the key versions whose taps can earn a session."""

    verifier: Verifier
    #: That of the SENTRY route; None without it.
    sentry: Keyring | None = None

    @property
    def template(self) -> str:
        """The template of `POST /v1/taps`."""
        return self.verifier.template.text

    @property
    def key_versions(self) -> tuple[int, ...]:
        """Ordinals that are accepted on either route, in their order."""
        keyrings = (self.verifier.keyring, *(() if self.sentry is None else (self.sentry,)))
        found = {v.ordinal for ring in keyrings for v in ring if ring.accepted(v.ordinal)}
        return tuple(sorted(found))

    def require(self, enrolment: Enrolment) -> None:
        """Refuse a tag none of whose taps could be accepted.

        Where nobody says which template it was written with, its generation alone counts.

        Raises:
            NotServedError: says what is served.

        """
        if not (self._is_by_url(enrolment) or self._is_by_sentry(enrolment)):
            raise NotServedError(enrolment.uid, self.template, self.key_versions)

    def _is_by_url(self, enrolment: Enrolment) -> bool:
        template, generation = self.verifier.template, enrolment.generation
        says_epoch = template.names_epoch or generation.epoch == 0
        is_ours = enrolment.template in ("", template.text)
        return is_ours and says_epoch and _has_keys(self.verifier.keyring, generation)

    def _is_by_sentry(self, enrolment: Enrolment) -> bool:
        if self.sentry is None or enrolment.generation.epoch:
            return False
        is_ours = not enrolment.template or _is_sentrys(enrolment.template)
        return is_ours and _has_keys(self.sentry, enrolment.generation)


def _has_keys(keyring: Keyring, generation: Generation) -> bool:
    version = keyring.accepted(generation.key_version)
    return version is not None and generation.epoch in version.scheme.epochs


def _is_sentrys(text: str) -> bool:
    """Tell whether a tag shows UID and counter in the clear, and its MAC covers nothing else."""
    try:
        template = UrlTemplate(text)
    except ValueError:
        return False
    sdm = template.layout().sdm
    covers_nothing = sdm.mac_input_offset == sdm.mac_offset
    return template.is_redeemable and not template.encrypts and covers_nothing
