"""What is measured on a finished part: deviation, walls, channels."""
