"""Forecasting: estimates of jobs' ends, from the last runs and the backlog before them."""
