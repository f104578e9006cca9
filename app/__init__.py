"""The processes: settings, wiring, the ASGI app and the command line. Only this reads the environment."""
