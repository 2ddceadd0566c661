-- Writes down one step of a job and keeps the lease up, if this process still holds it.
--
-- params: job_id, claim_token       bigint, uuid  what was claimed
--         state                     text          RUNNING, DONE, FAILED or STOPPED
--         checkpoint, result        jsonb         where to go on; what there is to show
--         total, done, failed       integer
--         attempts                  integer       0 after a step that was kept
--         lease_seconds             integer       from now; 0 lets others take it at once
--         finished_at               timestamptz   null while it goes on
-- gives:  nothing; no row changed means that another process has taken the job over
UPDATE reconciliation_job AS jobs
SET
    state = %(state)s,
    checkpoint = %(checkpoint)s::jsonb,
    result = %(result)s::jsonb,
    total = %(total)s,
    done = %(done)s,
    failed = %(failed)s,
    attempts = %(attempts)s,
    claimed_until = CASE
        WHEN %(finished_at)s::timestamptz IS NULL
            THEN clock_timestamp() + make_interval(secs => %(lease_seconds)s)
    END,
    finished_at = %(finished_at)s
WHERE jobs.id = %(job_id)s AND jobs.claim_token = %(claim_token)s AND jobs.state = 'RUNNING'
