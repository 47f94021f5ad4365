"""One template is the truth: it gives the bytes on the tag, and it reads what comes back.

`UrlTemplate` is what programs use; the parts that it is made of are for tools which look
at a URL character by character.
"""

from ntag424.url_template._fields import Field, FileField, PiccField, Placeholder
from ntag424.url_template._grammar import Grammar, Segment
from ntag424.url_template._layout import TagLayout
from ntag424.url_template._parsed import ParsedTap
from ntag424.url_template._template import UrlTemplate

__all__ = [
    "Field",
    "FileField",
    "Grammar",
    "ParsedTap",
    "PiccField",
    "Placeholder",
    "Segment",
    "TagLayout",
    "UrlTemplate",
]
