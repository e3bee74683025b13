"""Rust's tests: libtest's, and those of the frameworks that stand on it."""
