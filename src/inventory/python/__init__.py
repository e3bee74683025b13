"""Python tests, counted in the source without running any of it."""
