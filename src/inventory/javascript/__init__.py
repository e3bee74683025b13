"""JavaScript and TypeScript tests."""
