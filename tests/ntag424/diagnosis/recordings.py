"""Conversations to be read: those of tests/vectors, and any with the simulated tag."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ntag424 import Key
from ntag424.crypto import Lrp
from ntag424.diagnosis import AesSession, Exchange, Known, KnownKey, LrpSession
from tests.support import vectors

_LOGS = Path(__file__).parents[2] / "vectors/apdu_logs.json"
FACTORY = Key(bytes(16))
#: The factory key in every slot.
FACTORY_KEYS = tuple(KnownKey(f"key {number}", FACTORY, number) for number in range(5))


@dataclass(frozen=True)
class Recording:
    """Exchanges, and what their source tells beside them."""

    id: str
    exchanges: tuple[Exchange, ...]
    known: Known


def protected():
    """Give every recording of tests/vectors whose keys are known."""
    for vector in vectors("chip", "secure_messaging", "change_key"):
        exchange = Exchange(vector["capdu"], vector.get("rapdu"))
        keys = ()
        if vector.op == "change_key":
            keys = (KnownKey("the old key", Key(vector["old_key"]), vector["key_no"][0]),)
        yield Recording(vector.id, (exchange,), Known(keys=keys, session=_aes(vector)))
    for name, *ops in (
        ("chip", "auth_ev2_first", "auth_ev2_non_first"),
        ("lrp_session", "auth_lrp_first"),
    ):
        for vector in vectors(name, *ops):
            key = KnownKey("the key", Key(vector["key"]), vector["key_no"][0])
            parts = ("1", "2")
            exchanges = (Exchange(vector[f"capdu{n}"], vector[f"rapdu{n}"]) for n in parts)
            yield Recording(vector.id, tuple(exchanges), Known(keys=(key,)))
    for vector in vectors("lrp_session", "lrp_session"):
        master = Key(Lrp.of(vector["key"]).cmac(vector["session_vector"]))
        known = Known(session=LrpSession(transaction_id=vector["ti"], master=master))
        pairs = zip(vector.expected["capdus"], vector.given["rapdus"], strict=True)
        exchanges = (Exchange(bytes.fromhex(one), bytes.fromhex(two)) for one, two in pairs)
        yield Recording(vector.id, tuple(exchanges), known)


def clear():
    """Give every recording of tests/vectors that nothing protects."""
    for vector in vectors("chip", "apdu"):
        yield Recording(vector.id, (Exchange(vector["capdu"]),), Known())


def logs():
    """Give every log of tests/vectors as its id and its text."""
    found = json.loads(_LOGS.read_text("utf-8"))["vectors"]
    return [(each["id"], "\n".join(each["in"]["lines"])) for each in found]


def logged():
    """Give the exchanges that are in every one of them, as pairs of bytes."""
    pairs = json.loads(_LOGS.read_text("utf-8"))["vectors"][0]["out"]["exchanges"]
    return [tuple(map(bytes.fromhex, pair)) for pair in pairs]


def _aes(vector):
    enc = vector.get("k_ses_enc")
    return AesSession(
        transaction_id=vector["ti"],
        mac_key=Key(vector["k_ses_mac"]),
        enc_key=None if enc is None else Key(enc),
        command_counter=vector["cmd_ctr"],
    )


class Recorder:
    """A transport that writes down what passes."""

    def __init__(self, tag):
        self._tag = tag
        self.exchanges = []

    def transmit(self, command):
        answer = self._tag.transmit(command)
        self.exchanges.append(Exchange(bytes(command), bytes(answer)))
        return answer
