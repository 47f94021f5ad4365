"""One text under one template: the file it came from, and where the template has what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ntag424.diagnosis._form import Form
from ntag424.diagnosis._image import FileImage
from ntag424.diagnosis._repairs import origin_of
from ntag424.diagnosis._surface import Surface
from ntag424.model import Mode
from ntag424.url_template import Placeholder
from ntag424.verifier import Verifier


@dataclass(frozen=True)
class Frame:
    """Offsets are bytes from the start of the NDEF file (NT4H2421Gx §10.7.1)."""

    #: Index of the candidate.
    candidate: int
    #: Of all candidates.
    verifiers: tuple[Verifier, ...]
    #: Every form that the template gives a URL: one for each mode.
    forms: tuple[Form, ...]
    surface: Surface
    text: str

    @property
    def form(self) -> Form:
        """The form that the text has, or comes closest to."""
        return self.surface.form

    @property
    def expected_mode(self) -> Mode:
        """The mode that the template or the candidate assumes."""
        return self.verifiers[self.candidate].mode if self.form.picc is None else self.form.mode

    @cached_property
    def image(self) -> FileImage:
        """The file that the text was read from."""
        return FileImage(self.text)

    @cached_property
    def _shift(self) -> int:
        # The text may have an origin of another length, with all that follows moved.
        own = origin_of(self.text) or self.form.origin
        return self.image.shift + len(own) - len(self.form.origin)

    def offset(self, place: int) -> int:
        """Return the offset of a place in the template's form."""
        return place + self._shift

    @property
    def picc_offset(self) -> int | None:
        """Where PICCData is due."""
        return self._offset_of(self.form.picc)

    @property
    def uid_offset(self) -> int | None:
        """Where the UID is due in the clear."""
        return self._offset_of(self.form.uid)

    @property
    def counter_offset(self) -> int | None:
        """Where the counter is due in the clear."""
        return self._offset_of(self.form.counter)

    def _offset_of(self, span: range | None) -> int | None:
        return None if span is None else self.offset(span.start)

    @property
    def named_version(self) -> int | None:
        """What stands at {kv}."""
        return self.form.number_at(Placeholder.KEY_VERSION, self.surface.texts[0])

    @property
    def named_epoch(self) -> int:
        """What stands at {epoch}; 0 where nothing does."""
        return self.form.number_at(Placeholder.EPOCH, self.surface.texts[0]) or 0
