"""uvicorn's protocols, with the bounds that they lack: heads, connections, fragments, slow peers."""
