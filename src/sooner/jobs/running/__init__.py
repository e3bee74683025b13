"""Running: an attempt from claim to ending."""
