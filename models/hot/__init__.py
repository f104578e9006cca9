"""Counters and wake-ups in Redis: all of it can be rebuilt."""
