"""Every way a request can be refused: one tree.

A refused request raises one of these; a task that ran and failed is data (an `Outcome`).
Facts live in fields, the sentence in `__str__`, what to do about it in `hint`. `code` is stable:
it appears on the wire, in logs and in `--json` output, and never changes its meaning.
"""

from __future__ import annotations

from cc_executor.errors.access import (
    AccessDenied as AccessDenied,
)
from cc_executor.errors.access import (
    NotAuthenticated as NotAuthenticated,
)
from cc_executor.errors.access import (
    NotPermitted as NotPermitted,
)
from cc_executor.errors.access import (
    OriginRefused as OriginRefused,
)
from cc_executor.errors.conflicts import (
    AgentSessionBusy as AgentSessionBusy,
)
from cc_executor.errors.conflicts import (
    Conflict as Conflict,
)
from cc_executor.errors.conflicts import (
    DuplicateExecution as DuplicateExecution,
)
from cc_executor.errors.conflicts import (
    ExecutionNotEnded as ExecutionNotEnded,
)
from cc_executor.errors.conflicts import (
    IdempotencyConflict as IdempotencyConflict,
)
from cc_executor.errors.conflicts import (
    InvalidTransition as InvalidTransition,
)
from cc_executor.errors.conflicts import (
    NothingToContinue as NothingToContinue,
)
from cc_executor.errors.conflicts import (
    SessionTaken as SessionTaken,
)
from cc_executor.errors.conflicts import (
    StaleWrite as StaleWrite,
)
from cc_executor.errors.limits import (
    LimitReached as LimitReached,
)
from cc_executor.errors.limits import (
    MessageTooLarge as MessageTooLarge,
)
from cc_executor.errors.limits import (
    RateLimited as RateLimited,
)
from cc_executor.errors.limits import (
    TooManySessions as TooManySessions,
)
from cc_executor.errors.limits import (
    TooSlow as TooSlow,
)
from cc_executor.errors.missing import (
    AmbiguousId as AmbiguousId,
)
from cc_executor.errors.missing import (
    ArtefactNotFound as ArtefactNotFound,
)
from cc_executor.errors.missing import (
    ExecutionNotFound as ExecutionNotFound,
)
from cc_executor.errors.missing import (
    NoSuchPath as NoSuchPath,
)
from cc_executor.errors.missing import (
    NotFound as NotFound,
)
from cc_executor.errors.missing import (
    SessionNotFound as SessionNotFound,
)
from cc_executor.errors.missing import (
    StreamNotFound as StreamNotFound,
)
from cc_executor.errors.missing import (
    TaskNotFound as TaskNotFound,
)
from cc_executor.errors.missing import (
    TokenNotFound as TokenNotFound,
)
from cc_executor.errors.requests import (
    BundleRefused as BundleRefused,
)
from cc_executor.errors.requests import (
    CommandNotAllowed as CommandNotAllowed,
)
from cc_executor.errors.requests import (
    InvalidCursor as InvalidCursor,
)
from cc_executor.errors.requests import (
    InvalidParams as InvalidParams,
)
from cc_executor.errors.requests import (
    InvalidPrompt as InvalidPrompt,
)
from cc_executor.errors.requests import (
    InvalidRequest as InvalidRequest,
)
from cc_executor.errors.requests import (
    InvalidSetting as InvalidSetting,
)
from cc_executor.errors.requests import (
    InvalidSpec as InvalidSpec,
)
from cc_executor.errors.requests import (
    InvalidTaskFile as InvalidTaskFile,
)
from cc_executor.errors.requests import (
    InvalidToken as InvalidToken,
)
from cc_executor.errors.requests import (
    InvalidWorkspace as InvalidWorkspace,
)
from cc_executor.errors.requests import (
    MalformedMessage as MalformedMessage,
)
from cc_executor.errors.requests import (
    NotARequest as NotARequest,
)
from cc_executor.errors.requests import (
    RangeNotSatisfiable as RangeNotSatisfiable,
)
from cc_executor.errors.requests import (
    UnknownAgent as UnknownAgent,
)
from cc_executor.errors.requests import (
    UnknownMethod as UnknownMethod,
)
from cc_executor.errors.servers import (
    ConnectionLost as ConnectionLost,
)
from cc_executor.errors.servers import (
    EvidenceElsewhere as EvidenceElsewhere,
)
from cc_executor.errors.servers import (
    IncompatibleServer as IncompatibleServer,
)
from cc_executor.errors.servers import (
    RefusedByServer as RefusedByServer,
)
from cc_executor.errors.servers import (
    ServerFailed as ServerFailed,
)
from cc_executor.errors.servers import (
    ServerNotTrusted as ServerNotTrusted,
)
from cc_executor.errors.servers import (
    ServerUnavailable as ServerUnavailable,
)
from cc_executor.errors.servers import (
    StreamBroken as StreamBroken,
)
from cc_executor.errors.tree import (
    CCExecutorError as CCExecutorError,
)
from cc_executor.errors.world import (
    AgentNotInstalled as AgentNotInstalled,
)
from cc_executor.errors.world import (
    AgentNotLoggedIn as AgentNotLoggedIn,
)
from cc_executor.errors.world import (
    JournalDamaged as JournalDamaged,
)
from cc_executor.errors.world import (
    MissingExtra as MissingExtra,
)
from cc_executor.errors.world import (
    NotResponding as NotResponding,
)
from cc_executor.errors.world import (
    PlatformUnsupported as PlatformUnsupported,
)
from cc_executor.errors.world import (
    ProgramNotInstalled as ProgramNotInstalled,
)
from cc_executor.errors.world import (
    ResourcesShort as ResourcesShort,
)
from cc_executor.errors.world import (
    SessionsUnavailable as SessionsUnavailable,
)
from cc_executor.errors.world import (
    SpawnFailed as SpawnFailed,
)
from cc_executor.errors.world import (
    StateDirectoryRefused as StateDirectoryRefused,
)
from cc_executor.errors.world import (
    StoreUnavailable as StoreUnavailable,
)
from cc_executor.errors.world import (
    TokenFileRefused as TokenFileRefused,
)
from cc_executor.errors.world import (
    Unavailable as Unavailable,
)
