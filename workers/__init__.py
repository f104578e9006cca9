"""Work done later: Dramatiq handlers, one call to a service each, and the schedule."""
