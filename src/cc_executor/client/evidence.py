"""Evidence by one call: verify an execution, report on it, give it away as a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.evidence.verify import verify_bundle
from cc_executor.model.bundles import Evidence
from cc_executor.model.proofs import Examination
from cc_executor.model.reports import as_markdown, as_object

ReportFormat = Literal["markdown", "json"]


async def verify_execution(
    execution_uuid: str, *, config: CCExecutorConfig | None = None
) -> Examination:
    """Look at all evidence of an ended execution again, and say what of it still holds.

    `verified` is true only when every task was checked when it ended, and nothing that is kept,
    recorded or on disk speaks against it now; a file that merely exists proves nothing.

    Args:
        execution_uuid: Id, or unique prefix of one.
        config: Which state directory, if not the usual one.

    Raises:
        ExecutionNotFound: There is none.
        ExecutionNotEnded: More evidence is to come.
    """
    async with Executor(config) as executor:
        return await executor.verify(execution_uuid)


async def generate_report(
    execution_uuid: str,
    format: ReportFormat = "markdown",  # noqa: A002 - the name users know
    *,
    config: CCExecutorConfig | None = None,
) -> str:
    """Return a report on an ended execution, as Markdown or JSON text; errors as above.

    Args:
        execution_uuid: Id, or unique prefix of one.
        format: `markdown` or `json`.
        config: Which state directory, if not the usual one.
    """
    async with Executor(config) as executor:
        examination = await executor.verify(execution_uuid)
        return report(await executor.evidence(execution_uuid), examination, format)


async def export_bundle(
    execution_uuid: str,
    path: str | Path,
    *,
    sign_with: str | Path | None = None,
    config: CCExecutorConfig | None = None,
) -> str:
    """Write the evidence of an ended execution into a bundle, and return its root digest.

    Args:
        execution_uuid: Id, or unique prefix of one.
        path: A tar file where it ends in `.tar`, else a folder; it must not be there yet.
        sign_with: SSH key that signs it; None: nobody signs it.
        config: Which state directory, if not the usual one.

    Raises:
        BundleRefused: It cannot be written there, or not be signed with this key.
        ProgramNotInstalled: It is to be signed, and there is no `ssh-keygen`.
    """
    async with Executor(config) as executor:
        return await executor.export_bundle(execution_uuid, path, sign_with=sign_with)


def report(evidence: Evidence, examination: Examination, format: ReportFormat) -> str:  # noqa: A002 - as above
    """Return the report as text."""
    if format == "markdown":
        return as_markdown(evidence, examination)
    return json.dumps(as_object(evidence, examination), indent=2, ensure_ascii=False) + "\n"


__all__ = ["export_bundle", "generate_report", "report", "verify_bundle", "verify_execution"]
