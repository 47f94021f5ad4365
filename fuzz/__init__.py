"""What reads input from outside, fed with anything: `make fuzz`."""
