"""Real mongod and Valkey started for a laptop or a test run. Production never imports it."""
