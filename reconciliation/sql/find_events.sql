-- Finds events by identity.
--
-- params: source_id bigint; senders, event_ids text[], pairwise
-- gives:  id, sender, event_id, sha256 – one row an identity that is known
SELECT
    events.id,
    events.sender,
    events.event_id,
    events.sha256
FROM unnest(%(senders)s::text[], %(event_ids)s::text[]) AS given (sender, event_id)
INNER JOIN reconciliation_event AS events
    ON
        events.source_id = %(source_id)s
        AND events.sender = given.sender
        AND events.event_id = given.event_id
