"""What is wrong with a deployment, from the command line: `python -m src.doctor`."""
