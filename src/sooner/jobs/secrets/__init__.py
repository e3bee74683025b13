"""Secret parameters: found, sealed, opened for one attempt, kept out of all it says."""
