"""A client of a server elsewhere: the same names as `Executor`, over one WebSocket."""
