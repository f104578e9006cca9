"""What each GraphQL field does: one call to a service."""
