"""The plan's surfaces, places and motions for headsets, 3D Slicer and navigation systems."""
