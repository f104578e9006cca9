"""Conditions as MongoDB aggregation pipelines (pipeline.to_mongo), one way of judging them.

terms ─► functions ─► expressions ─► lists, lookups ─► pipeline ─► together
"""
