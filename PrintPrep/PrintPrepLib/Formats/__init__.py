"""Model files: reading those that come, writing those that leave."""
