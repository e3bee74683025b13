"""Moving a tenant from one shard to another, while it works."""
