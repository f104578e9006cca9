"""The API's words: Strawberry types, inputs and payloads."""
