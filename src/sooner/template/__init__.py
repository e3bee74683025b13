"""The project that `python -m sooner new` makes."""
