"""The ledger that the settings name, and the files beside it."""
