"""How messages leave: one small class each behind one protocol."""
