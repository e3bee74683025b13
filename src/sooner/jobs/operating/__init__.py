"""Operating: the operators' overview, queues and actions."""
