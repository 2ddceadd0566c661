"""Indexes that find a name wherever it stands, built while people go on working.

Two change the order of their columns and so cost no event and no name anything more.
"""

from django.contrib.postgres.indexes import OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper

_TABLE = 'reconciliation_event'


def _turned(columns, *, back):
    """Give the constraint `event_once` its columns in this order; it holds all the while."""
    return [
        f'DROP INDEX CONCURRENTLY IF EXISTS event_once_{back}',
        f'CREATE UNIQUE INDEX CONCURRENTLY event_once_{back} ON {_TABLE} ({columns})',
        f'ALTER TABLE {_TABLE} DROP CONSTRAINT event_once,'
        f' ADD CONSTRAINT event_once UNIQUE USING INDEX event_once_{back}',
    ]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('reconciliation', '0026_guard_of_one_hop'),
    ]

    operations = [
        migrations.RunSQL(
            sql=_turned('event_id, source_id, sender', back='new'),
            reverse_sql=_turned('source_id, sender, event_id', back='old'),
            state_operations=[
                migrations.RemoveConstraint(model_name='event', name='event_once'),
                migrations.AddConstraint(
                    model_name='event',
                    constraint=models.UniqueConstraint(fields=('event_id', 'source', 'sender'), name='event_once'),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name='alias',
            index=models.Index(fields=['value', 'kind'], name='alias_by_name'),
        ),
        RemoveIndexConcurrently(model_name='alias', name='alias_by_value'),
        migrations.RunSQL(  # Django writes such an index rightly only with its app installed
            sql=[
                'DROP INDEX CONCURRENTLY IF EXISTS detail_by_beginning',
                'CREATE INDEX CONCURRENTLY detail_by_beginning ON reconciliation_orderdetail'
                ' (upper(customer_name) text_pattern_ops)',
            ],
            reverse_sql='DROP INDEX CONCURRENTLY IF EXISTS detail_by_beginning',
            state_operations=[
                migrations.AddIndex(
                    model_name='orderdetail',
                    index=models.Index(OpClass(Upper('customer_name'), name='text_pattern_ops'), name='detail_by_beginning'),
                ),
            ],
        ),
    ]
