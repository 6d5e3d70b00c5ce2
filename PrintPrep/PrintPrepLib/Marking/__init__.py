"""Letters, codes and tags on a part: their place, their shape, and reading them back."""
