"""From a template and a key scheme to a simulated tag that is tapped.

The bridge between the library's own types and the simulated tag, which takes
nothing but bytes and knows none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ntag424.keys import KeyScheme
from ntag424.model import Generation, Mode, TamperStatus
from ntag424.model.files import SdmAccess, SdmBlock
from ntag424.ndef import read_uri
from ntag424.testing.simulated_tag import SimulatedTag
from ntag424.url_template import UrlTemplate

# FileOption: SDM and mirroring on, plain communication (NT4H2421Gx table 69).
_SDM_ON = b"\x40"
# Read free; write, read-and-write and change with key 0; LSB first (§8.2.3.3).
_ACCESS_RIGHTS = bytes.fromhex("00E0")
_UNSTATED = Generation()


class TapSource:
    """A phone with one tag in front of it: every `tap()` is a fresh URL."""

    def __init__(self, tag: SimulatedTag) -> None:
        self.tag = tag

    def tap(self) -> str:
        """Lay the tag to the phone once and return the URL it opens.

        Raises:
            ValueError: there is no URL on the tag, or it is used up.

        """
        url = read_uri(self.tag.tap())
        if url is None:
            raise ValueError("there is no URL on the tag")
        return url


def tap_source(
    template: UrlTemplate,
    scheme: KeyScheme,
    uid: bytes,
    *,
    generation: Generation = _UNSTATED,
    read_counter: int = 0,
    mode: Mode = Mode.AES,
    file_data: bytes | None = None,
    tamper: TamperStatus | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> TapSource:
    """Make a simulated tag as provisioning would write it, and tap it.

    *generation* is what `{kv}` and `{epoch}` say and what the keys are derived for;
    the first tap shows *read_counter* + 1. *file_data* is the plaintext of `{file:N}`;
    *tamper* makes it a TagTamper chip whose loop was last found so. *random_bytes* is the
    tag's source, see `SimulatedTag`: with one that repeats itself, such as `bytes` or
    `random.Random(7).randbytes`, the taps are the same in every run.

    Raises:
        ValueError: the template, the keys and what it takes beside them do not fit.

    """
    layout = template.layout(generation, mode=mode, file_data=file_data)
    meta_read = scheme.meta_read_number if template.encrypts else None
    access = SdmAccess(file_read=scheme.file_read_number, meta_read=meta_read)
    block = SdmBlock.of(layout.sdm, access)
    tag = SimulatedTag(
        uid=uid,
        keys=[_key(scheme, uid, number, generation.epoch) for number in range(5)],
        ndef_file=layout.ndef_file,
        file_settings=_SDM_ON + _ACCESS_RIGHTS + bytes(block),
        read_counter=read_counter,
        lrp=mode == Mode.LRP,
        tamper=None if tamper is None else bytes(tamper),
        random_bytes=random_bytes,
    )
    return TapSource(tag)


def _key(scheme: KeyScheme, uid: bytes, number: int, epoch: int) -> bytes:
    if number == scheme.meta_read_number:
        return bytes(scheme.meta_read_key())
    try:
        return bytes(scheme.tag_key(uid, number, epoch))
    except ValueError:
        # Schemes for verification know two slots; the others stay as delivered.
        return bytes(16)
