"""The doctor, which finds faults of a deployment: `python -m src.doctor`."""
