"""The recovery sheet as a QR code, for a screen or for paper."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ntag424_provisioning.errors import SetupError
from ntag424_provisioning.vault._sheet import Sheet

if TYPE_CHECKING:
    import segno


def terminal_qr(sheet: Sheet) -> str:
    """Return lines of half blocks, light on dark as most terminals are."""
    drawing = io.StringIO()
    _code(sheet).terminal(drawing, compact=True)
    return drawing.getvalue()


def svg_qr(sheet: Sheet) -> str:
    """Return an SVG image."""
    image = io.BytesIO()
    _code(sheet).save(image, kind="svg", scale=4, light="white")
    return image.getvalue().decode("utf-8")


def _code(sheet: Sheet) -> segno.QRCode:
    # Slow to import, and drawn once in a vault's life.
    import segno  # noqa: PLC0415

    try:
        return segno.make_qr(sheet.qr_text(), error="m")
    except segno.DataOverflowError:
        text = "there are too many key versions for one QR code"
        raise SetupError(text, "Print the sheet as text; it holds the same.") from None
