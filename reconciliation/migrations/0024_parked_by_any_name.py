# Parked events found by any name that they hold, by this index and no other.

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0023_room_for_moves'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='event',
            name='event_parked_naming',
        ),
        migrations.AddIndex(
            model_name='event',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('status__startswith', 'PARKED')), fastupdate=False, fields=['data'], name='event_parked_naming', opclasses=['jsonb_path_ops']),
        ),
    ]
