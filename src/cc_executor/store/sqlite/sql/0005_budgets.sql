-- Schema 5: what was spent on budgets, and what is held for attempts that are not over.
-- Amounts are JSON: [millionths of a dollar, tokens, turns, milliseconds]. They are always read and
-- written together, in the transaction that decides about them.

CREATE TABLE budget_accounts (
    name TEXT NOT NULL PRIMARY KEY,
    spent TEXT NOT NULL,
    reserved TEXT NOT NULL,
    unknown TEXT NOT NULL,
    holders INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One for each account of each attempt, kept when it is settled: nothing is booked twice.
CREATE TABLE budget_holds (
    attempt_id TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES budget_accounts (name),
    reserved TEXT NOT NULL,
    allowed TEXT NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, account)
) STRICT, WITHOUT ROWID;
