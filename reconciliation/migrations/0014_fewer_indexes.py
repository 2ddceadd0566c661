# Indexes that another one holds already: each cost every event, entry and move of an order.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reconciliation', '0013_stumbles'),
    ]

    operations = [
        migrations.AlterField(
            model_name='alias',
            name='source',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='reconciliation.source'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='event',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='reconciliation.event'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='reconciliation.order'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='reverses',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='reconciliation.entry'),
        ),
        migrations.AlterField(
            model_name='event',
            name='corrects',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='reconciliation.event'),
        ),
        migrations.AlterField(
            model_name='event',
            name='duplicate_of',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='reconciliation.event'),
        ),
        migrations.AlterField(
            model_name='event',
            name='order',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='reconciliation.order'),
        ),
        migrations.AlterField(
            model_name='event',
            name='source',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='reconciliation.source'),
        ),
        migrations.AlterField(
            model_name='historicalorder',
            name='canonical_id',
            field=models.CharField(max_length=64),
        ),
        migrations.AlterField(
            model_name='historicalorder',
            name='merged_into',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reconciliation.order'),
        ),
        migrations.AlterField(
            model_name='historicalorder',
            name='parent',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reconciliation.order'),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='reconciliation.order'),
        ),
        migrations.AlterField(
            model_name='ordertotal',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='totals', to='reconciliation.order'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('duplicate_of__isnull', False)), fields=['duplicate_of'], name='event_duplicates'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('corrects__isnull', False)), fields=['corrects'], name='event_corrections'),
        ),
    ]
