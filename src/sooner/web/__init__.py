"""The web process: endpoints, pages, and their HTTP."""
