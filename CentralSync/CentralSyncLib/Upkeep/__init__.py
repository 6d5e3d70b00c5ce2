"""What a store keeps is looked after: verified again when it is due, and taken back where it was wrong."""
