"""Data: from files to galaxies."""
