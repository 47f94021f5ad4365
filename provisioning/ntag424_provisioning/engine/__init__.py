"""Brings one tag to what it is to become, by way of a journal, and proves it."""
