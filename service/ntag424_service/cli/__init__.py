"""The command line: one module per verb, but for the short ones."""
