"""A deployment of Sooner: its actors, its schedules and the entry points of its processes."""
