"""The commands for several databases: `python -m sooner shards …`."""
