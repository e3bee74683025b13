"""C#'s tests: xUnit, NUnit and MSTest."""
