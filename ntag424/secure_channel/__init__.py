"""Secure messaging: what happens to commands and answers inside an authentication."""

from ntag424.secure_channel._aes import AesChannel
from ntag424.secure_channel._channel import SecureChannel
from ntag424.secure_channel._lrp import LrpChannel

__all__ = ["AesChannel", "LrpChannel", "SecureChannel"]
