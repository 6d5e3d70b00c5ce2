"""The ``planninghub`` command: the same steps as the modules' widgets, for batch machines, tests and teaching."""
