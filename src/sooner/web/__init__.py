"""The web process: endpoints, the pages, and the HTTP that both stand on."""
