"""The PDF documents of a case: briefing, plan, prescription."""
