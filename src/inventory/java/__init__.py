"""Java's tests: JUnit 4, JUnit 5 and TestNG."""
