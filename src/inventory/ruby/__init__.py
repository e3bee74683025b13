"""Ruby's tests: RSpec, minitest, test-unit."""
