"""Sooner: slow work behind a browser frontend, answered at once when it can be."""
