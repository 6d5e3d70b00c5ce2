"""What a recipe's steps do to the pieces of a part."""
