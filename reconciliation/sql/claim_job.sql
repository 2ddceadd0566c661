-- Takes one job for this process: the one that has waited longest, queued or left by its last taker.
--
-- A job without `claimed_until` that runs belongs to the command that started it, which does it
-- alone: it is never taken. The lease is held against the true clock.
--
-- params: kinds          text[]       kinds that this process can do
--         job_id         bigint       this job alone; null: any
--         lease_seconds  integer      how long nobody else takes it, unless it is kept up
--         at             timestamptz  when it begins, if it has not begun before
-- gives:  id, claim_token – one row or none
WITH candidate AS MATERIALIZED (
    SELECT jobs.id
    FROM reconciliation_job AS jobs
    WHERE
        jobs.kind = ANY(%(kinds)s)
        AND (
            jobs.state = 'QUEUED'
            OR (jobs.state = 'RUNNING' AND jobs.claimed_until < clock_timestamp())
        )
        AND (%(job_id)s::bigint IS NULL OR jobs.id = %(job_id)s)
    ORDER BY jobs.claimed_until NULLS FIRST, jobs.id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE reconciliation_job AS jobs
SET
    state = 'RUNNING',
    claim_token = gen_random_uuid(),
    claimed_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
    attempts = jobs.attempts + 1,
    started_at = COALESCE(jobs.started_at, %(at)s)
FROM candidate
WHERE jobs.id = candidate.id
RETURNING jobs.id, jobs.claim_token
