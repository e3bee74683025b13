"""The lone scheduler: `python -m src.scheduler`. One leads and fires ticks, others stand by."""
