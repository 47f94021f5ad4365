"""Session keys, and the name of what is wrong where a MAC or a decryption does not hold.

A MAC has 64 bits: what makes it hold is what it was made with, so the search may be wide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ntag424.crypto import Aes128, Lrp, aes_cbc_decrypt, aes_cmac
from ntag424.diagnosis.apdu.values import AesSession, Fault, KnownSession, Part

_BLOCK = 16
_COMMAND_IV, _ANSWER_IV = bytes.fromhex("A55A"), bytes.fromhex("5AA5")
#: An LRP MAC takes a quarter of a millisecond and more, so few of them are tried.
_MOST_LRP_TRIALS = 1800
_AES_COUNTERS, _LRP_COUNTERS = 1024, 32
_LAST_COUNTER = 0xFFFF


class SessionKeys(ABC):
    """The keys of one authentication, in either mode."""

    #: Whether thousands of MACs may be tried.
    is_fast: bool
    #: Whether the key for encryption is known.
    can_decrypt = True

    @abstractmethod
    def cmac(self, message: bytes) -> bytes:
        """Compute 16 bytes under the MAC key."""

    @abstractmethod
    def other_cmac(self, message: bytes) -> bytes:
        """Compute 16 bytes under the key for encryption, as who mixed them up did."""

    @abstractmethod
    def near_keys(self, message: bytes) -> Iterator[bytes]:
        """Give the CMACs under every MAC key that differs in one byte."""


class AesKeys(SessionKeys):
    """Session keys of AES mode, 16 bytes each."""

    is_fast = True

    def __init__(self, enc_key: bytes | None, mac_key: bytes) -> None:
        self._enc_key, self._mac_key = enc_key, mac_key
        self._for_mac = Aes128(mac_key)
        self.can_decrypt = enc_key is not None

    def cmac(self, message: bytes) -> bytes:
        """See `SessionKeys.cmac`."""
        return self._for_mac.cmac(message)

    def other_cmac(self, message: bytes) -> bytes:
        """See `SessionKeys.other_cmac`."""
        return b"" if self._enc_key is None else aes_cmac(self._enc_key, message)

    def near_keys(self, message: bytes) -> Iterator[bytes]:
        """See `SessionKeys.near_keys`."""
        return (aes_cmac(key, message) for key in one_byte_off(self._mac_key))

    def plaintexts(self, blocks: bytes, live: Live, *, answer: bool) -> Iterator[Opened]:
        """Decrypt as is due, and then by every mistake that is made with an IV."""
        enc, mac = self._enc_key, self._mac_key
        if enc is None:
            return
        counter, tid = live.counter(answer=answer), live.transaction_id
        due, other = (_ANSWER_IV, _COMMAND_IV) if answer else (_COMMAND_IV, _ANSWER_IV)
        made = _aes_iv(enc, due, tid, counter)
        yield Opened(aes_cbc_decrypt(enc, made, blocks))
        for shift in (-1, 1, -2, 2, -3, 3):
            if 0 <= counter + shift <= 0xFFFF:
                text = (
                    f"encrypted with the IV of command counter {counter + shift}; {counter} is due"
                )
                shifted = _aes_iv(enc, due, tid, counter + shift)
                yield Opened(aes_cbc_decrypt(enc, shifted, blocks), Fault(Part.IV, text))
        for iv, text in (
            (
                _aes_iv(enc, other, tid, live.counter(answer=not answer)),
                "encrypted with the IV of the other direction",
            ),
            (
                _aes_iv(enc, other, tid, counter),
                "encrypted with the IV label of the other direction",
            ),
            (bytes(_BLOCK), "encrypted with an IV of zeros"),
            (_aes_iv(enc, due, tid[::-1], counter), "in the IV the bytes of TI are in reverse"),
            (_iv_input(due, tid, counter), "the IV is its own input: it was not encrypted"),
            (_aes_iv(mac, due, tid, counter), "the IV was made with the MAC key"),
        ):
            yield Opened(aes_cbc_decrypt(enc, iv, blocks), Fault(Part.IV, f"{text}."))
        swapped = aes_cbc_decrypt(mac, _aes_iv(mac, due, tid, counter), blocks)
        yield Opened(swapped, Fault(Part.KEY, "encrypted with the MAC key of the session."))


class LrpKeys(SessionKeys):
    """Session keys of LRP mode, out of SesAuthMaster."""

    is_fast = False

    def __init__(self, master: bytes) -> None:
        self._for_mac, self._for_encryption = Lrp.pair(master)

    def cmac(self, message: bytes) -> bytes:
        """See `SessionKeys.cmac`."""
        return self._for_mac.cmac(message)

    def other_cmac(self, message: bytes) -> bytes:
        """See `SessionKeys.other_cmac`."""
        return self._for_encryption.cmac(message)

    def near_keys(self, message: bytes) -> Iterator[bytes]:
        """Give none: that would take minutes."""
        del message
        return iter(())

    def decrypt(self, counter: int, blocks: bytes) -> bytes:
        """Decrypt blocks of which the first has this EncCtr."""
        return self._for_encryption.decrypt((counter % (1 << 32)).to_bytes(4, "big"), blocks)

    def plaintexts(self, blocks: bytes, live: Live, *, answer: bool) -> Iterator[Opened]:
        """Decrypt as is due, and then by every EncCtr nearby."""
        del answer
        due = live.encryption_counter
        yield Opened(self.decrypt(due, blocks))
        for counter in (0, 1, *(due + shift for shift in (-1, 1, -2, 2, -3, 3, 4, 5, 6))):
            if counter >= 0 and counter != due:
                text = f"encrypted from EncCtr {counter} on; {due} is due."
                yield Opened(self.decrypt(counter, blocks), Fault(Part.IV, text))


@dataclass(frozen=True, slots=True)
class Opened:
    """A plaintext, still padded, and what had to be wrong for it to come out."""

    padded: bytes = field(repr=False)
    fault: Fault | None = None


@dataclass(slots=True)
class Live:
    """An authentication that is being followed."""

    keys: AesKeys | LrpKeys = field(repr=False)
    transaction_id: bytes
    #: CmdCtr that the next command is due to have.
    command_counter: int = 0
    #: EncCtr of the next block, in LRP mode.
    encryption_counter: int = 1
    key_number: int | None = None
    #: Whether a MAC held already: then keys and TI are right.
    is_proven: bool = False
    #: Whether it turned out that the keys are not those of this authentication.
    is_lost: bool = False

    @classmethod
    def of(cls, session: KnownSession) -> Live:
        """Take up a session that is known."""
        if isinstance(session, AesSession):
            enc = None if session.enc_key is None else bytes(session.enc_key)
            keys: AesKeys | LrpKeys = AesKeys(enc, bytes(session.mac_key))
            running = 1
        else:
            keys, running = LrpKeys(bytes(session.master)), session.encryption_counter
        return cls(
            keys, session.transaction_id, session.command_counter, running, session.key_number
        )

    def counter(self, *, answer: bool) -> int:
        """Return the CmdCtr that is in MAC and IV: an answer has one more than its command."""
        return (self.command_counter + int(answer)) & 0xFFFF

    def plaintexts(self, blocks: bytes, *, answer: bool) -> Iterator[Opened]:
        """Decrypt *blocks* as is due first, then by mistakes; nothing without a key for it."""
        if blocks and not len(blocks) % _BLOCK:
            yield from self.keys.plaintexts(blocks, self, answer=answer)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a MAC is over: INS or SW2, then header and data as they were sent."""

    first: int
    body: bytes = field(repr=False)
    mac: bytes
    is_answer: bool
    #: How many bytes of *body* are the header.
    header: int = 0
    #: The data before it was encrypted, as far as that is known.
    plaintext: bytes | None = field(default=None, repr=False)

    def message(
        self, live: Live, *, counter: int | None = None, tid: bytes | None = None
    ) -> bytes:
        """INS or SW2 (1) || CmdCtr (2, LSB first) || TI (4) || body."""
        due = live.counter(answer=self.is_answer) if counter is None else counter
        head = bytes((self.first,)) + due.to_bytes(2, "little")
        return head + (live.transaction_id if tid is None else tid) + self.body

    @property
    def part(self) -> Part:
        """Which MAC it is."""
        return Part.ANSWER_MAC if self.is_answer else Part.MAC


@dataclass(frozen=True, slots=True)
class MacFault:
    """Why a MAC does not hold."""

    fault: Fault
    #: The CmdCtr that the next command would have had, if that is why.
    counter: int | None = None
    #: The TI it was made with, if that is why.
    transaction_id: bytes | None = None
    #: Whether the session keys are others, so that nothing that follows can be checked.
    is_lost: bool = False

    def adopt(self, live: Live) -> None:
        """Go on with what the MAC was made with: one mistake is named once."""
        if self.counter is not None and 0 <= self.counter <= _LAST_COUNTER:
            live.command_counter = self.counter
        if self.transaction_id is not None and len(self.transaction_id) == 4:
            live.transaction_id = self.transaction_id
        live.is_lost |= self.is_lost


def mac_fault(live: Live, sealed: Sealed) -> MacFault | None:
    """Name what makes the MAC of *sealed* other than is due; None where it holds."""
    full = live.keys.cmac(sealed.message(live))
    if full[1::2] == sealed.mac:
        return None
    for name in (_cut, _miscounted, _misbuilt, _one_byte):
        found = name(live, sealed, full)
        if found is not None:
            return found
    if live.is_proven:
        part = Part.ANSWER_DATA if sealed.is_answer else Part.DATA
        text = "keys, TI and counter are right, and yet the MAC is not over these bytes."
        return MacFault(Fault(part, text))
    text = "the MAC holds under no counter or TI nearby: the session keys are others."
    return MacFault(Fault(Part.KEY, text), is_lost=True)


def _cut(_: Live, sealed: Sealed, full: bytes) -> MacFault | None:
    """Find another truncation of the right CMAC, or one that a byte or two of were changed."""
    cuts = (
        (full[:8], "is the first 8 bytes of the CMAC, not the odd ones (1, 3, ... 15)."),
        (full[8:], "is the last 8 bytes of the CMAC, not the odd ones (1, 3, ... 15)."),
        (full[::2], "is the even bytes of the CMAC (0, 2, ... 14), not the odd ones."),
        (full[1::2][::-1], "is right, but its bytes are in reverse."),
    )
    for cut, text in cuts:
        if sealed.mac == cut:
            return MacFault(Fault(sealed.part, text))
    if len(sealed.mac) != 8:
        text = f"has {len(sealed.mac)} bytes, and 8 are due."
        return MacFault(Fault(sealed.part, text))
    off = [
        at
        for at, (one, other) in enumerate(zip(full[1::2], sealed.mac, strict=True))
        if one != other
    ]
    if len(off) <= 2:
        places = " and ".join(str(at) for at in off)
        return MacFault(Fault(sealed.part, f"byte {places} of its 8 is not what was computed."))
    return None


def _miscounted(live: Live, sealed: Sealed, _: bytes) -> MacFault | None:
    """Find the command counter, or the TI, that it was made with."""
    due, cmac, mac = live.counter(answer=sealed.is_answer), live.keys.cmac, sealed.mac
    whose = "of the answer " if sealed.is_answer else ""
    for counter in _counters(due, live.keys):
        if cmac(sealed.message(live, counter=counter))[1::2] == mac:
            text = f"the MAC {whose}was made with command counter {counter}, and {due} is due."
            return MacFault(Fault(Part.COUNTER, text), counter - int(sealed.is_answer))
    swapped = int.from_bytes(due.to_bytes(2, "little"), "big")
    if cmac(sealed.message(live, counter=swapped))[1::2] == mac:
        text = "its bytes are in reverse: least significant byte first is due."
        return MacFault(Fault(Part.COUNTER, text))
    tid = live.transaction_id
    for other, text in (
        (tid[::-1], "its bytes are in reverse."),
        (bytes(4), "the MAC was made with zeros for it."),
        (b"", "the MAC was made without it."),
        *((near_one, "one of its bytes is another in the MAC.") for near_one in one_byte_off(tid)),
    ):
        if cmac(sealed.message(live, tid=other))[1::2] == mac:
            return MacFault(Fault(Part.TRANSACTION_ID, text), transaction_id=other)
    return None


def _counters(due: int, keys: SessionKeys) -> Iterator[int]:
    """Give command counters near the one that is *due*, and those that differ in one byte."""
    for distance in range(1, _AES_COUNTERS if keys.is_fast else _LRP_COUNTERS):
        for counter in (due - distance, due + distance):
            if 0 <= counter <= _LAST_COUNTER:
                yield counter
    for octets in one_byte_off(due.to_bytes(2, "little")):
        yield int.from_bytes(octets, "little")


def _misbuilt(live: Live, sealed: Sealed, _: bytes) -> MacFault | None:
    """Find a message that was put together otherwise, or was put under another key."""
    message, part, keys = sealed.message(live), sealed.part, live.keys
    head, body = message[:7], sealed.body
    if keys.other_cmac(message)[1::2] == sealed.mac:
        return MacFault(
            Fault(Part.KEY, "the MAC was made with the encryption key of the session.")
        )
    header, data = body[: sealed.header], body[sealed.header :]
    builds = [
        (head + data, "was made without the header."),
        (head + header, "was made without the data."),
        (head[1:] + body, "was made without the INS, or SW2, in front."),
        (head[:1] + head[3:] + body, "was made without the command counter."),
        (head + bytes((len(body) + 8,)) + body, "was made with Lc in it."),
        (b"\x90" + head + body, "was made with CLA in front."),
        (head[:1] + head[3:7] + head[1:3] + body, "has TI before the command counter."),
    ]
    if sealed.is_answer:
        builds.append((b"\x91" + message, "was made over both bytes of the status word."))
    if sealed.plaintext is not None:
        padded = _padded(sealed.plaintext)
        text = "was made over the plaintext; it is due over what was encrypted."
        builds += [(head + header + plain, text) for plain in (sealed.plaintext, padded)]
    for built, text in builds:
        if keys.cmac(built)[1::2] == sealed.mac:
            return MacFault(Fault(part, text))
    return None


def _one_byte(live: Live, sealed: Sealed, _: bytes) -> MacFault | None:
    """Find the one byte of message or key with which it would hold."""
    message, mac, keys = sealed.message(live), sealed.mac, live.keys
    places = [0, *range(7, len(message))]
    if not keys.is_fast:
        places = places[: _MOST_LRP_TRIALS // 255]
    for place in places:
        for other in (value for value in range(256) if value != message[place]):
            changed = message[:place] + bytes((other,)) + message[place + 1 :]
            if keys.cmac(changed)[1::2] == mac:
                return MacFault(_misplaced(sealed, place - 7, other))
    if any(cmac[1::2] == mac for cmac in keys.near_keys(message)):
        text = "the MAC key differs in one byte from the one it was made with."
        return MacFault(Fault(Part.KEY, text), is_lost=True)
    return None


def _misplaced(sealed: Sealed, place: int, other: int) -> Fault:
    if place < 0:
        part = Part.STATUS if sealed.is_answer else Part.INS
        return Fault(part, f"by the MAC it is {other:02X}, and {sealed.first:02X} stands here.")
    here = sealed.body[place]
    text = f"by the MAC byte {place} of what it covers is {other:02X}, and {here:02X} stands here."
    if sealed.is_answer:
        return Fault(Part.ANSWER_DATA, text)
    return Fault(Part.HEADER if place < sealed.header else Part.DATA, text)


def one_byte_off(octets: bytes) -> Iterator[bytes]:
    """Give everything that differs from *octets* in exactly one byte."""
    for place, here in enumerate(octets):
        for other in range(256):
            if other != here:
                yield octets[:place] + bytes((other,)) + octets[place + 1 :]


def first_that(opened: Iterator[Opened], fits: Callable[[Opened], bool]) -> Opened | None:
    """Return the first plaintext that *fits*, the one that is due before all others."""
    return next((each for each in opened if fits(each)), None)


def _aes_iv(key: bytes, label: bytes, tid: bytes, counter: int) -> bytes:
    return Aes128(key).encrypt(_iv_input(label, tid, counter))


def _iv_input(label: bytes, tid: bytes, counter: int) -> bytes:
    return label + tid + counter.to_bytes(2, "little") + bytes(8)


def _padded(data: bytes) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % _BLOCK)
