"""The pages of the print module."""
