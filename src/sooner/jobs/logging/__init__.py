"""Logging: the lines that the code of jobs logs and prints, kept with the attempt for operators."""
