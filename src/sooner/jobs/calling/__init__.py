"""Calling: jobs submitted, followed and cancelled by programs, without HTTP."""
