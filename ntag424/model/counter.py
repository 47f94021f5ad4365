"""Bounds of the tag's read counter."""

#: SDMReadCtr has 24 bits (NT4H2421Gx §9.3.2); a tag that got here answers no more.
MAX_READ_COUNTER = 0xFFFFFF
