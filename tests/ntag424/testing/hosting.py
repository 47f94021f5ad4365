"""A host in few words, made anew from the data sheet: it authenticates and sends commands.

It shares the LRP function itself with the simulated tag, which known answers hold, and
nothing else.
"""

from __future__ import annotations

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from ntag424.apdu import CommandApdu, Status
from ntag424.testing.simulated_tag import SimulatedTag, _lrp
from tests.ntag424.testing.reading import APPLICATION, lricb_decrypt, reworded_cmac

TAG_UID = bytes.fromhex("04DE5F1EACC040")
ZERO = bytes(16)
PLAIN, MAC, FULL = "plain", "MAC", "full"
RND_A = bytes(range(0x10, 0x20))
LRP_CAPABLE = b"\x02"

SELECT_NDEF = CommandApdu(0xA4, bytes.fromhex("E104"), cla=0x00, p1=0x00, p2=0x0C)


def opened(tag):
    """Select the application."""
    assert tag.transmit(APPLICATION).status == Status.ISO_OK
    return tag


def blank(**options):
    """Give a tag as delivered, with the application selected."""
    return opened(SimulatedTag.blank(TAG_UID, **options))


def in_lrp_mode(**options):
    """Give a tag with factory keys and files, switched to LRP."""
    tag = SimulatedTag(
        uid=TAG_UID,
        keys=[ZERO] * 5,
        ndef_file=b"",
        file_settings=bytes.fromhex("00E0EE"),
        lrp=True,
        **options,
    )
    return opened(tag)


def native(ins, *parts):
    return CommandApdu(ins, b"".join(bytes.fromhex(part) for part in parts))


def padded(data):
    return (data + b"\x80").ljust((len(data) // 16 + 1) * 16, b"\0")


def xored(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def core(rnd_a, rnd_b):
    return rnd_a[:2] + xored(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]


def aes_cmac(key, message):
    return CMAC.new(key, message, ciphermod=AES).digest()


def cbc(key, iv=ZERO):
    return AES.new(key, AES.MODE_CBC, iv=iv)


class AesKeys:
    """KSesAuthENC and KSesAuthMAC."""

    def __init__(self, key, rnd_a, rnd_b):
        mixed = bytes.fromhex("00010080") + core(rnd_a, rnd_b)
        self.enc = aes_cmac(key, b"\xa5\x5a" + mixed)
        self.key = aes_cmac(key, b"\x5a\xa5" + mixed)

    def mac(self, message):
        return aes_cmac(self.key, message)

    def encrypt(self, vector, plain):
        return cbc(self.enc, self._iv(b"\xa5\x5a" + vector)).encrypt(plain)

    def decrypt(self, vector, encrypted):
        return cbc(self.enc, self._iv(b"\x5a\xa5" + vector)).decrypt(encrypted)

    def _iv(self, vector):
        return AES.new(self.enc, AES.MODE_ECB).encrypt(vector + bytes(8))


class LrpKeys:
    """Both session keys of LRP, and EncCtr."""

    def __init__(self, key, rnd_a, rnd_b):
        vector = bytes.fromhex("00010080") + core(rnd_a, rnd_b) + bytes.fromhex("9669")
        master = reworded_cmac(_lrp.LrpKey.base(key), vector)
        table = _lrp.plaintexts(master)
        mac, enc = _lrp.updated_keys(master, 2)
        self.key, self.enc = _lrp.LrpKey(table, mac), _lrp.LrpKey(table, enc)
        self.counter = 0

    def mac(self, message):
        return reworded_cmac(self.key, message)

    def encrypt(self, _vector, plain):
        encrypted = b""
        for at in range(0, len(plain), 16):
            block_key = _lrp.evaluate(self.enc, self._next())
            encrypted += AES.new(block_key, AES.MODE_ECB).encrypt(plain[at : at + 16])
        return encrypted

    def decrypt(self, _vector, encrypted):
        blocks = [encrypted[at : at + 16] for at in range(0, len(encrypted), 16)]
        return b"".join(lricb_decrypt(self.enc, self._next(), block) for block in blocks)

    def _next(self):
        self.counter += 1
        return (self.counter - 1).to_bytes(4, "big")


class Host:
    """One session with *tag*."""

    def __init__(self, tag, *, lrp=False):
        self.tag, self.lrp = tag, lrp
        self.ti, self.counter, self.keys = b"", 0, None
        self.capabilities = b""

    def authenticate(self, number=0, key=ZERO, *, first=True):
        """Go through both parts, and check all that the tag answers with."""
        answer = self.challenge(number, first=first)
        assert answer.status == Status.ADDITIONAL_FRAME
        answer = self.tag.transmit(self.proof(key, answer.data))
        assert answer.status == Status.OK
        (self._take_lrp if self.lrp else self._take_aes)(key, answer.data, first=first)
        return self

    def challenge(self, number, *, first=True):
        wanted = LRP_CAPABLE if self.lrp else b""
        header = bytes([number, len(wanted)]) + wanted if first else bytes([number])
        return self.tag.transmit(CommandApdu(0x71 if first else 0x77, header))

    def proof(self, key, challenge):
        if self.lrp:
            assert challenge[0] == 1
            rnd_b = challenge[1:]
            self.keys, self.rnd_b = LrpKeys(key, RND_A, rnd_b), rnd_b
            return CommandApdu(0xAF, RND_A + self.keys.mac(RND_A + rnd_b))
        rnd_b = cbc(key).decrypt(challenge)
        self.keys, self.rnd_b = AesKeys(key, RND_A, rnd_b), rnd_b
        return CommandApdu(0xAF, cbc(key).encrypt(RND_A + rnd_b[1:] + rnd_b[:1]))

    def _take_aes(self, key, answer, *, first):
        plain = cbc(key).decrypt(answer)
        turned = RND_A[1:] + RND_A[:1]
        if first:
            assert plain[4:20] == turned
            self.ti, self.counter, self.capabilities = plain[:4], 0, plain[20:]
        else:
            assert plain == turned

    def _take_lrp(self, _key, answer, *, first):
        encrypted, mac = answer[:-16], answer[-16:]
        assert len(encrypted) == 16 * first
        assert mac == self.keys.mac(self.rnd_b + RND_A + encrypted)
        if first:
            plain = self.keys.decrypt(b"", encrypted)
            self.ti, self.counter, self.capabilities = plain[:4], 0, plain[4:]

    def command(self, ins, header="", data=b"", mode=FULL):
        """Secure a command: *header* is hex."""
        header = bytes.fromhex(header)
        vector = self.counter.to_bytes(2, "little")
        if mode == FULL and data:
            data = self.keys.encrypt(self.ti + vector, padded(data))
        if mode != PLAIN:
            data += self.keys.mac(bytes([ins]) + vector + self.ti + header + data)[1::2]
        return CommandApdu(ins, header + data)

    def take(self, answer, mode=FULL):
        """Check and take apart a success; anything else is given as it is."""
        if answer.status not in (Status.OK, Status.SIGNATURE_OK):
            assert answer.data == b""
            return answer.status
        self.counter += 1
        if mode == PLAIN:
            return answer.data
        data, mac = answer.data[:-8], answer.data[-8:]
        vector = self.counter.to_bytes(2, "little")
        assert mac == self.keys.mac(answer.status.to_bytes(2)[1:] + vector + self.ti + data)[1::2]
        if mode == MAC or not data:
            return data
        plain = self.keys.decrypt(self.ti + vector[:2], data).rstrip(b"\0")
        assert plain.endswith(b"\x80")
        return plain[:-1]

    def send(self, ins, header="", data=b"", mode=FULL):
        """Give the plain answer, or the status word of a refusal."""
        return self.take(self.tag.transmit(self.command(ins, header, data, mode)), mode)

    def is_alive(self):
        """Tell whether the session still answers: GetCardUID has no side effects."""
        return self.send(0x51) == TAG_UID


def master_of(tag, *, lrp=False):
    """Authenticate with a factory key 0."""
    return Host(tag, lrp=lrp).authenticate()
