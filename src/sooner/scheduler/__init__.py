"""The scheduler process: `python -m src.scheduler`. One scheduler leads and fires ticks, the others stand by."""
