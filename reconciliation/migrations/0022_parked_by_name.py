# Parked events found by what they wait for, and by when that is too long.

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0021_company_days_and_breaker'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='event',
            name='event_parked',
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('status', 'PARKED')), fields=['order_reference', 'source'], name='event_parked'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('status', 'PARKED')), fastupdate=False, fields=['data'], name='event_parked_naming', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('status', 'PARKED')), fields=['park_until', 'id'], name='event_parked_until'),
        ),
    ]
