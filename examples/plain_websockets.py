"""Runs a program on a server without our client: URL and program as arguments, TOKEN as variable."""

from __future__ import annotations

import json
import os
import sys

from websockets.sync.client import connect

headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
call = {"jsonrpc": "2.0", "id": 1, "method": "execute", "params": {"command": sys.argv[2:]}}
with connect(f"{sys.argv[1]}/ws", additional_headers=headers, compression=None) as socket:
    socket.send(json.dumps(call))
    for told in map(json.loads, socket):
        if told.get("method") == "process.output":
            print(told["params"].get("data", ""), end="")
        if told.get("method") == "process.completed" or "error" in told:
            sys.exit(0 if told.get("params", {}).get("status") == "completed" else str(told))
