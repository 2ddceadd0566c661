-- Leaves of the audit trail's tree that are more or fewer than the newest checkpoint says.
--
-- gives:  subject; one row if they differ
SELECT format('%%s leaves, %%s sealed', tree.leaves, tree.sealed) AS subject
FROM (
    SELECT
        COALESCE((SELECT max(leaves.position) + 1 FROM audit_sealleaf AS leaves), 0) AS leaves,
        COALESCE((SELECT max(sealed.size) FROM audit_checkpoint AS sealed), 0) AS sealed
) AS tree
WHERE tree.leaves <> tree.sealed
