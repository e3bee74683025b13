"""The operators' page: its data, its actions, and its sign-in."""
