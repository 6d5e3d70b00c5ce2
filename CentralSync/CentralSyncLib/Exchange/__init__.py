"""Exchange with partners: encrypted packages out, receipts and answers in, each matched by code and hash."""
