"""Kotlin's tests: JUnit 4, JUnit 5, TestNG, kotlin.test and Kotest."""
