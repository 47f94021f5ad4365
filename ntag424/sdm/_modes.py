"""Which implementation belongs to which mode of the chip."""

from __future__ import annotations

from ntag424.model import Mode
from ntag424.sdm._aes import AesSession
from ntag424.sdm._lrp import LrpSession
from ntag424.sdm._session import SdmSession

#: How a tag in this mode computes its messages.
SESSIONS: dict[Mode, type[SdmSession]] = {Mode.AES: AesSession, Mode.LRP: LrpSession}
