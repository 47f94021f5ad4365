"""The command line `ntag424`: one module for each command, or group of commands."""
