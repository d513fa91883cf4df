"""Verifying a bundle by itself: without the state directory, the agent, or the machine it ran on."""

from __future__ import annotations

from pathlib import Path

from cc_executor.errors import ProgramNotInstalled
from cc_executor.evidence import signing
from cc_executor.evidence.examine import examine
from cc_executor.evidence.reading import Bundle, found_elsewhere, open_bundle
from cc_executor.model.bundles import Evidence
from cc_executor.model.proofs import Examination, Proof, proof, unknown


def verify_bundle(
    path: str | Path, *, workspace: str | Path | None = None, signers: str | Path | None = None
) -> Examination:
    """Look at everything in a bundle again, and say what of it holds. Blocking (files).

    Nothing of it is run or unpacked, and nothing outside it is read but what the arguments name.

    Args:
        path: A bundle: tar file or folder.
        workspace: Where the files of the execution are now; None: they are not looked at.
        signers: File of allowed signers (ssh-keygen(1)); given, the bundle must be signed by one.

    Raises:
        BundleRefused: It is no bundle, or one that cannot be read.
        ProgramNotInstalled: Signers are given, and there is no `ssh-keygen`.
    """
    return examine_bundle(path, workspace=workspace, signers=signers)[1]


def examine_bundle(
    path: str | Path, *, workspace: str | Path | None = None, signers: str | Path | None = None
) -> tuple[Evidence, Examination]:
    """Do the same, and return what the bundle records, too."""
    with open_bundle(Path(path)) as bundle:
        signed = _signature(bundle, None if signers is None else Path(signers))
        evidence = bundle.evidence
        workspaces = None if workspace is None else found_elsewhere(evidence, Path(workspace))
        by = next((one.by for one in signed if isinstance(one, signing.Signed)), None)
        examination = examine(
            evidence,
            bundle,
            where=str(path),
            before=(
                proof("it is the bundle of its execution", _other_execution(bundle)),
                *bundle.proofs,
                *(one for one in signed if isinstance(one, Proof)),
            ),
            workspaces=workspaces,
            signed_by=by,
        )
    return evidence, examination


def _other_execution(bundle: Bundle) -> str | None:
    recorded = bundle.evidence.execution.id
    told = bundle.manifest.execution_id
    return None if told == recorded else f"bundle.json tells of {told}, it holds {recorded}"


def _signature(bundle: Bundle, signers: Path | None) -> tuple[Proof | signing.Signed, ...]:
    what = "its signature fits"
    if bundle.signature is None:
        missing = proof(what, "it has none, and signers were given")
        return () if signers is None else (missing,)
    try:
        signed = signing.check(bundle.manifest_bytes, bundle.signature, signers)
    except ProgramNotInstalled as refusal:
        if signers is not None:
            raise
        return (unknown(what, str(refusal)),)
    return (signed, proof(what, signed.problem))
