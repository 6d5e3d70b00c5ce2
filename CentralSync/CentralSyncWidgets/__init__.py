"""The pages of the Central Sync module."""
