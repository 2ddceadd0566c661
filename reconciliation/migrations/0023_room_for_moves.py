"""Leaves room on the pages of orders: a move writes its new row beside the old one.

No index names a column that moves change, so such a move touches no index at all.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0022_parked_by_name")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE reconciliation_order SET (fillfactor = 50)",
            "ALTER TABLE reconciliation_order RESET (fillfactor)",
        )
    ]
