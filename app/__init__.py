"""The processes: settings, wiring, ASGI app, command line. Only this reads the environment."""
