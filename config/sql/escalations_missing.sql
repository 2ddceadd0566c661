-- Open cases with a step of their plan that has not fired, while no moment is set for the next.
--
-- params: none
-- gives:  subject; one row a case
SELECT format('exception #%%s', cases.id) AS subject
FROM exceptions_case AS cases
INNER JOIN exceptions_clockplan AS plans ON plans.id = cases.clock_plan_id
WHERE
    cases.closed_at IS NULL
    AND cases.next_escalation_at IS NULL
    AND EXISTS (
        SELECT FROM jsonb_array_elements(plans.content -> 'steps') AS planned
        WHERE NOT EXISTS (
            SELECT FROM exceptions_escalation AS fired
            WHERE fired.case_id = cases.id AND fired.step = (planned ->> 'number')::integer
        )
    )
