"""Times of every step on a large CT, beside the fastest peers, in one run: ``make bench``."""
