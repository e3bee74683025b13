"""The project that `python -m sooner new` makes: its files, and the making."""
