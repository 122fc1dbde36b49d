"""Sending dead letters again: what can be, where it goes, and doing it."""
