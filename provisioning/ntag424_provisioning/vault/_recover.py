"""Which keys are on a tag, from one of its own URLs: the master keys are all it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from ntag424 import Generation, Mode, TapMacError, UrlTemplate, VerifiedTap
from ntag424.sdm import TapMessage, verify
from ntag424.url_template import ParsedTap
from ntag424_provisioning.errors import SetupError, WrongKeyError
from ntag424_provisioning.vault._versions import StoredVersion


def recover(url: str, template: UrlTemplate, versions: Sequence[StoredVersion]) -> VerifiedTap:
    """Find the version and the epoch whose keys made *url*, in whichever state it is.

    What the URL says of them is not trusted: it may be wrong, edited, or not there.

    Raises:
        MalformedTapError: *url* does not match *template*.
        SetupError: its tags do not show their UID, which all keys follow from.
        WrongKeyError: no version made it, in no epoch.

    """
    if not template.shows_uid:
        text = "a template without the UID does not tell whose keys to derive"
        raise SetupError(text, "Use the template that the tag was written with.")
    for parsed in _parsed(url, template):
        for version, epoch in _lives(versions, template):
            generation = Generation(version.ordinal, epoch)
            for message in _messages(parsed, template, generation):
                with suppress(TapMacError):
                    return verify(message, version.keys.scheme, generation=generation)
    raise WrongKeyError(
        "no key version at hand made this URL, in no epoch",
        "Check the template; or the tag is of another vault, or as it left the factory.",
    )


def _parsed(url: str, template: UrlTemplate) -> Iterator[ParsedTap]:
    # PICCData tells the mode by its length; without it, both are tried, the faster first.
    for mode in (Mode.AES,) if template.encrypts else (Mode.AES, Mode.LRP):
        yield template.parse(url, mode=mode)


def _lives(
    versions: Sequence[StoredVersion], template: UrlTemplate
) -> Iterator[tuple[StoredVersion, int]]:
    for version in versions:
        scheme = version.keys.scheme
        if scheme.meta_read_number is not None or not template.encrypts:
            yield from ((version, epoch) for epoch in scheme.epochs)


def _messages(
    tap: ParsedTap, template: UrlTemplate, generation: Generation
) -> Iterator[TapMessage]:
    """Give what the tag may have sent: as received, and with what it should say of itself."""
    yield _bare(tap.message)
    if tap.message.mac_input:
        version, epoch = generation.key_version, generation.epoch
        due = template.render(replace(tap, key_version=version, epoch=epoch))
        written = template.parse(due, mode=tap.message.sdm_mode).message
        if written != tap.message:
            yield _bare(written)


def _bare(message: TapMessage) -> TapMessage:
    # Only the MAC is of interest: what stands where a tamper status is due is not.
    return replace(message, encrypted_file_data=None, tamper=None, tamper_at=None)
