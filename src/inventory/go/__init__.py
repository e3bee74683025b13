"""Go tests."""
