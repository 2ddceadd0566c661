"""Adds to the trail: one row or a set, by the same SQL, inside the caller's transaction."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

# What a row source must give, in this order. `detail` is jsonb.
COLUMNS = (
    "stream", "subject_id", "action", "actor", "at", "from_state", "to_state",
    "reason", "cause_event_id", "rulebook_version", "detail",
)  # fmt: skip


def statement(rows: str) -> str:
    """Write the INSERT that records every row of `rows` (a table or CTE with `COLUMNS` and `hop`).

    `hop` orders the rows of one subject, from 1. The sequence goes on from the subject's newest
    row, so the caller holds the subject's lock. Use it as a statement or as a CTE.
    """
    return f"""
    INSERT INTO audit_auditevent (
        stream, subject_id, sequence, action, actor, at, from_state, to_state,
        reason, cause_event_id, rulebook_version, body
    )
    SELECT
        numbered.stream, numbered.subject_id, numbered.sequence, numbered.action, numbered.actor,
        numbered.at, numbered.from_state, numbered.to_state, numbered.reason,
        numbered.cause_event_id, numbered.rulebook_version,
        convert_to(json_build_object(
            'stream', numbered.stream,
            'subject', numbered.subject_id,
            'sequence', numbered.sequence,
            'action', numbered.action,
            'actor', numbered.actor,
            'at', to_char(numbered.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'recorded_at', moment.recorded_at,
            'from', numbered.from_state,
            'to', numbered.to_state,
            'reason', numbered.reason,
            'cause_event', numbered.cause_event_id,
            'rulebook', numbered.rulebook_version,
            'detail', numbered.detail
        )::text, 'UTF8')
    FROM (
        SELECT
            given.*,
            given.hop + COALESCE((
                SELECT max(known.sequence)
                FROM audit_auditevent AS known
                WHERE known.stream = given.stream AND known.subject_id = given.subject_id
            ), 0) AS sequence
        FROM {rows} AS given
        OFFSET 0  -- or the newest row would be looked up for each place that names the sequence
    ) AS numbered
    CROSS JOIN (
        SELECT to_char(
            statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        ) AS recorded_at
        OFFSET 0  -- written once
    ) AS moment
    """  # noqa: S608 - `rows` is a name that our own code writes


_ONE = f"""
WITH given AS (
    SELECT
        %(stream)s::text AS stream, %(subject_id)s::bigint AS subject_id,
        %(action)s::text AS action, %(actor)s::text AS actor, %(at)s::timestamptz AS at,
        %(from_state)s::text AS from_state, %(to_state)s::text AS to_state,
        %(reason)s::text AS reason, %(cause_event_id)s::bigint AS cause_event_id,
        %(rulebook_version)s::integer AS rulebook_version, %(detail)s::jsonb AS detail, 1 AS hop
)
{statement("given")}
"""

_MANY = f"""
WITH given AS (
    SELECT
        said.stream, said.subject_id, said.action, said.actor, said.at,
        COALESCE(said.from_state, '') AS from_state, COALESCE(said.to_state, '') AS to_state,
        COALESCE(said.reason, '') AS reason, said.cause_event_id, said.rulebook_version,
        COALESCE(said.detail, '{{}}'::jsonb) AS detail, 1 AS hop
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS said(
        stream text, subject_id bigint, action text, actor text, at timestamptz,
        from_state text, to_state text, reason text, cause_event_id bigint,
        rulebook_version integer, detail jsonb
    )
)
{statement("given")}
"""  # noqa: S608 - built from constants of this module


def record_all(rows: Iterable[Mapping[str, Any]]) -> None:
    """Add one row for each of many subjects at once; the caller holds their locks.

    Each row has the arguments of `record` by name; a subject comes once.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MANY, {"rows": json.dumps(list(rows), default=_as_json)})


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def record(  # noqa: PLR0913 - the columns of a row
    *,
    stream: str,
    subject_id: int,
    action: str,
    actor: str,
    at: datetime,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    cause_event_id: int | None = None,
    rulebook_version: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one row, in the caller's transaction; the caller holds the subject's lock.

    `stream` is order, case, rulebook, source, writeback, access or system.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ONE,
            {
                "stream": stream,
                "subject_id": subject_id,
                "action": action,
                "actor": actor,
                "at": at,
                "from_state": from_state,
                "to_state": to_state,
                "reason": reason,
                "cause_event_id": cause_event_id,
                "rulebook_version": rulebook_version,
                "detail": json.dumps(detail or {}, default=str),
            },
        )
