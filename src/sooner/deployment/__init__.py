"""A deployment: a team's actors and schedules beside the engine's own, and the processes made of them."""
