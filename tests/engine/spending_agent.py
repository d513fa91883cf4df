"""In the place of the Claude CLI: takes turns that cost, until it is done or has spent too much.

Like the real one it looks at its budget only after a turn. What each turn cost stands in a file
beside the program, a line a turn: what was really spent, whatever anybody booked.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path

TURN_USD = 0.4
TURNS = 3


def main() -> None:
    options = dict(one.partition("=")[::2] for one in sys.argv[1:])
    if not options.keys() & {"-p"}:
        return  # `auth status` and the like
    sys.stdin.read()
    limit_usd = float(options.get("--max-budget-usd", "inf"))
    session = options.get("--session-id") or str(uuid.uuid4())
    cost_usd, turns = 0.0, 0
    say(session, type="system", subtype="init", model="m", tools=[], claude_code_version="2.1.330")
    while turns < TURNS and cost_usd <= limit_usd:
        with Path(sys.argv[0]).with_name("spent").open("a", encoding="ascii") as spent:
            spent.write(f"{TURN_USD}\n")
        cost_usd, turns = cost_usd + TURN_USD, turns + 1
    broke = cost_usd > limit_usd
    price = {"costUSD": cost_usd, "costBasis": "list", "inputTokens": 10, "outputTokens": 1}
    say(
        session,
        type="result",
        subtype="error_max_budget_usd" if broke else "success",
        is_error=broke,
        terminal_reason="budget_exhausted" if broke else "completed",
        num_turns=turns,
        result_index=0,
        total_cost_usd=cost_usd,
        modelUsage={"m": price},
        model_usage_since_last_result={"m": price},
        usage={"input_tokens": 10, "output_tokens": 1},
        **({} if broke else {"result": "done"}),
    )
    sys.exit(int(broke))


def say(session: str, **message: object) -> None:
    line = json.dumps({**message, "session_id": session, "uuid": str(uuid.uuid4())}) + "\n"
    os.write(1, line.encode())


if __name__ == "__main__":
    main()
