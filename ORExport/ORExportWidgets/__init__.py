"""The pages of the OR Export module."""
