"""Copies of a case in the hospital's central store, each proven by reading it back."""
