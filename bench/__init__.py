"""Measurements beside plain consumers in the same run: `python -m bench`."""
