"""Fewer triangles within a stated deviation."""
