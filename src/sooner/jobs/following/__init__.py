"""Following: reading jobs, waiting for their ends, streaming their events, listing them."""
