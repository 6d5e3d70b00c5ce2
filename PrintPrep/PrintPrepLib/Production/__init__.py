"""Printers, materials, builds: what a part is made with and how it lies there."""
