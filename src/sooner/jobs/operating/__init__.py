"""Operating: what operators see and do."""
