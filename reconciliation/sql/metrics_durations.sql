-- How long the discrepancies cleared in a period were open. What a person waived is left out:
-- nothing was put right there.
--
-- params: since   timestamptz  beginning of the period
--         until   timestamptz  its end, not included
--         team    text         slug of the team whose checks are meant; '' for all
--         by_day  boolean      a row for each day in UTC; otherwise one, whose day is NULL
-- gives:  day, count, median, p90 – the last two are intervals;
--         no row where nothing was cleared
SELECT
    cleared.day,
    count(cleared.took) AS count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY cleared.took) AS median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY cleared.took) AS p90
FROM (
    SELECT
        CASE
            WHEN %(by_day)s THEN (discrepancies.cleared_at AT TIME ZONE 'UTC')::date
        END AS day,
        discrepancies.cleared_at - discrepancies.opened_at AS took
    FROM reconciliation_discrepancy AS discrepancies
    INNER JOIN reconciliation_team AS teams ON teams.id = discrepancies.team_id
    WHERE
        discrepancies.cleared_at >= %(since)s
        AND discrepancies.cleared_at < %(until)s
        AND (%(team)s = '' OR teams.slug = %(team)s)
        AND NOT EXISTS (
            SELECT
            FROM reconciliation_waiver AS waivers
            WHERE
                waivers.order_id = discrepancies.order_id
                AND waivers.check_name = discrepancies.check_name
                AND waivers.at BETWEEN discrepancies.opened_at AND discrepancies.cleared_at
        )
) AS cleared
GROUP BY cleared.day
ORDER BY cleared.day
