"""The papers of a part, its inspection and its release."""
