"""The language server: what editors ask, answered by dsl."""
