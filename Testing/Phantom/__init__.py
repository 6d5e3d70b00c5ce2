"""Synthetic CT objects with known truth, written as DICOM, and ways to damage them. For tests and the demo only."""
