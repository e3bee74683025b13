"""Secret parameters: finding, sealing, and opening them for one attempt, which must not reveal them."""
