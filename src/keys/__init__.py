"""API keys from the command line: `python -m src.keys create | list | revoke | secrets`."""
