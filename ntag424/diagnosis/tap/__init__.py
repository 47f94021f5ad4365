"""Why the URL of a tap does not verify: what a search by key, mode, mirror and window finds."""
