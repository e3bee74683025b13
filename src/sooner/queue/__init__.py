"""The queue: dramatiq-pg's table and broker with our own enqueue, claim, lease and finish."""
