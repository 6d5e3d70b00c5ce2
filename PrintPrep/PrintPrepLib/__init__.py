"""The print step: from a segmentation to a watertight part of proven accuracy, as STL and 3MF."""
