"""What a store keeps of a case itself, written and read back."""
