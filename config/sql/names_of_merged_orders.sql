-- Names that lead to an order which is merged into another, and orders merged into one that is
-- itself merged: whoever follows them would stop halfway.
--
-- gives:  subject; one row a name or an order
SELECT format('%%s %%s', aliases.kind, aliases.value) AS subject
FROM reconciliation_order AS merged
JOIN reconciliation_alias AS aliases ON aliases.order_id = merged.id
WHERE merged.merged_into_id IS NOT NULL
UNION ALL
SELECT merged.canonical_id AS subject
FROM reconciliation_order AS merged
JOIN reconciliation_order AS next ON next.id = merged.merged_into_id
WHERE next.merged_into_id IS NOT NULL
