"""Listening, and the processes that serve."""
