"""The plugin that a team's tests use."""
