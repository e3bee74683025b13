"""HTTP: negotiation, validators, ranges, bodies, problems, other origins."""
