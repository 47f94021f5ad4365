"""Writes keys and URLs to physical tags. Empty until the provisioning release."""
