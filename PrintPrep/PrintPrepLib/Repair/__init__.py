"""Closing, orienting and untangling damaged surfaces, or refusing them by name."""
