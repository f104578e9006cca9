"""What the system knows: frozen dataclasses that do not know where they are kept."""
