-- Guards over the state machines that the database lacks, has disabled, or has in other words.
--
-- params: guards jsonb   what is declared: the body of each function by its name
-- gives:  subject; one row a guard
SELECT declared.name AS subject
FROM jsonb_each_text(%(guards)s::jsonb) AS declared(name, body)
WHERE
    NOT EXISTS (
        SELECT 1
        FROM pg_proc AS functions
        JOIN pg_trigger AS triggers ON triggers.tgfoid = functions.oid
        WHERE
            functions.proname = declared.name
            AND functions.prosrc = declared.body
            AND triggers.tgenabled = 'O'
    )
