-- Counts what the batch found.
--
-- gives: judged, holds, waiting, broken, opened, cleared – one row
SELECT
    count(*) AS judged,
    count(*) FILTER (WHERE found.verdict = 'HOLDS') AS holds,
    count(*) FILTER (WHERE found.verdict = 'WAITING') AS waiting,
    count(*) FILTER (WHERE found.verdict = 'BROKEN') AS broken,
    (
        SELECT count(*) FROM pass_news AS news WHERE news.action = 'discrepancy.opened'
    ) AS opened,
    (
        SELECT count(*) FROM pass_news AS news WHERE news.action = 'discrepancy.cleared'
    ) AS cleared
FROM pass_verdict AS found
