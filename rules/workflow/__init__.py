"""Workflows: the document, its canonical form and version, its tests, and the book of versions."""
