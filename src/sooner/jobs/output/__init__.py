"""What jobs put out while they run: written in shared batches, read by many."""
