"""What the library costs, as ratios taken in one run: `python -m bench`."""
