"""C++'s tests: GoogleTest, Catch2 and doctest."""
