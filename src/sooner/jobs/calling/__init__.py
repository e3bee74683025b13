"""Calling: submitting, following and cancelling jobs from programs, without HTTP."""
