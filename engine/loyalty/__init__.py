"""Points: what events earn, what the ledger comes to, and which tier that gives. All pure."""
