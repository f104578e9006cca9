"""What the system does: use cases as plain async functions over rules and storage."""
