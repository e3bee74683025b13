"""The schedules that come with the engine."""
