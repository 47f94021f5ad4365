"""A tap in, a session out."""
