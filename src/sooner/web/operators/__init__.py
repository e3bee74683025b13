"""What the operators' page reads and does, and how it signs in."""
