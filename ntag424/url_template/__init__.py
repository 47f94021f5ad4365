"""One template is the truth: it gives the bytes on the tag, and it reads what comes back."""

from ntag424.url_template._layout import TagLayout
from ntag424.url_template._parsed import ParsedTap
from ntag424.url_template._template import UrlTemplate

__all__ = ["ParsedTap", "TagLayout", "UrlTemplate"]
