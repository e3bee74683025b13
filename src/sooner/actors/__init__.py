"""The actors that come with the engine: archive, webhooks, chores, and those for diagnostics."""
