"""Home Assistant: its WebSocket API, and the time zone it is set to."""
