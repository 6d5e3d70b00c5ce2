"""What the system tests say of the patient's consent."""

CONSENT = ("--consent", "treatment", "--consent-date", "2026-01-31", "--consent-document", "test 1")
