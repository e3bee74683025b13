"""PHP's tests: PHPUnit and Pest."""
