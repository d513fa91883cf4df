"""JSON-RPC over WebSockets: one connection, its session, its streams, its methods."""
