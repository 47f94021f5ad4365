"""Writes keys and URLs to physical tags, and never loses one."""
