"""Brings back what 0014 took with an index it did not name: an entry is reversed once, and found."""

from django.db import migrations, models

_ONCE = models.UniqueConstraint(
    fields=["reverses"],
    condition=models.Q(reverses__isnull=False),
    name="entry_reversed_once",
)


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0017_guard_counts_hops")]
    operations = [
        migrations.RemoveConstraint("entry", "entry_reversed_once"),
        migrations.AddConstraint("entry", _ONCE),
    ]
