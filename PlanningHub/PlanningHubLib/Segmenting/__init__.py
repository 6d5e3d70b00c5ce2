"""Segmentation: the methods that a procedure's structures are found with, and how good the result is."""
