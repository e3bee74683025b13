"""Submitting: from a request for a job to its row, or a refusal."""
