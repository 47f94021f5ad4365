"""What keeps those who guess, or flood, from being a burden to everybody else."""
