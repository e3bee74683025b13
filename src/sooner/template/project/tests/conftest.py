pytest_plugins = ["sooner.testing"]
