"""HTTP itself: negotiation, validators, ranges, bodies, problems, other origins."""
