"""Every form in which a secret gets into a text or a file, and the search for all of them."""

from __future__ import annotations

import base64

from ntag424 import Generation, UrlTemplate
from ntag424.testing import tap_source
from tests.provisioning.hard.houses import TEMPLATE

_TEMPLATE = UrlTemplate(TEMPLATE)


def forms(secret):
    """Give *secret* as bytes are written, alone and in the middle of something longer."""
    texts = {
        secret.hex(),
        secret.hex().upper(),
        secret.hex(" ", 2).upper(),
        secret.hex(" "),
        repr(secret)[2:-1],
        str(list(secret))[1:-1],
        str(int.from_bytes(secret, "big")),
        *(part for shift in range(3) for part in in_base64(secret, shift)),
    }
    return {secret, *(text.encode() for text in texts)}


def in_base64(secret, shift):
    """Give the letters that stand for nothing but *secret*, *shift* bytes behind something."""
    first, last = -(-shift * 8 // 6), (shift + len(secret)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(shift) + secret).decode()[first:last]


def found(secrets, evidence):
    """Name the secrets that are in the *evidence*, and where; both by name."""
    needles = [(name, form) for name, secret in secrets.items() for form in forms(secret)]
    return sorted(
        {(name, where) for where, octets in evidence for name, form in needles if form in octets}
    )


def tag_keys(scheme, uid, epochs):
    """Give the keys of a tag in each of its lives, by name."""
    yield "meta read", bytes(scheme.meta_read_key())
    for epoch in epochs:
        for number in range(5):
            if number != scheme.meta_read_number:
                yield f"epoch {epoch}, key {number}", bytes(scheme.tag_key(uid, number, epoch))


def macs(scheme, uid, taps):
    """Give the MAC of each tap, an epoch and a counter: it depends on nothing else."""
    for epoch, counter in taps:
        generation = Generation(1, epoch)
        phone = tap_source(_TEMPLATE, scheme, uid, generation=generation, read_counter=counter - 1)
        yield f"epoch {epoch}, tap {counter}", _TEMPLATE.parse(phone.tap()).message.mac
