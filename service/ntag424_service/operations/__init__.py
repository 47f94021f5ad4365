"""What an operator does with a running service: log, backup, move."""
