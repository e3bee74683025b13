"""Forecasting: when jobs will end, from the last runs and the backlog before them."""
