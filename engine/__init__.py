"""What rules decide: pricing, journeys. Pure functions of (rules, facts, now)."""
