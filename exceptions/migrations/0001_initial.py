from pathlib import Path

import django.db.models.deletion
import django_fsm
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from reconciliation.at_once import CreateAtOnce


_GUARDS = Path(__file__).with_name("0001_guards.sql")  # frozen with this file


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('reconciliation', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateAtOnce([
            migrations.CreateModel(
                name='ClockPlan',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('sha256', models.CharField(max_length=64, unique=True)),
                    ('content', models.JSONField()),
                ],
            ),
            migrations.CreateModel(
                name='Bulk',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('verb', models.CharField(max_length=16)),
                    ('arguments', models.JSONField(default=dict)),
                    ('asked_for', models.JSONField(default=dict)),
                    ('words', models.CharField(max_length=255)),
                    ('state', models.CharField(choices=[('DRAFT', 'Draft'), ('ASKED', 'Asked'), ('BEGUN', 'Begun'), ('REFUSED', 'Refused')], default='DRAFT', max_length=16)),
                    ('created_at', models.DateTimeField()),
                    ('needs', models.CharField(blank=True, default='', max_length=255)),
                    ('decided_at', models.DateTimeField(null=True)),
                    ('decision_reason', models.TextField(blank=True, default='')),
                    ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bulks', to=settings.AUTH_USER_MODEL)),
                    ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('job', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reconciliation.job')),
                    ('undoes', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='undoings', to='exceptions.bulk')),
                ],
            ),
            migrations.CreateModel(
                name='Case',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('check_name', models.CharField(max_length=64)),
                    ('severity', models.CharField(choices=[('P1', 'P1'), ('P2', 'P2'), ('P3', 'P3')], max_length=2)),
                    ('state', django_fsm.FSMField(choices=[('NEW', 'New'), ('IN_PROGRESS', 'In Progress'), ('WAITING', 'Waiting'), ('VERIFYING', 'Verifying'), ('SETTLED', 'Settled'), ('DISMISSED', 'Dismissed')], default='NEW', editable=False, max_length=16)),
                    ('version', models.IntegerField(default=0)),
                    ('waiting_for', models.CharField(blank=True, default='', max_length=16)),
                    ('at_risk_minor', models.BigIntegerField(default=0)),
                    ('currency', models.CharField(blank=True, default='', max_length=3)),
                    ('rulebook_version', models.IntegerField()),
                    ('route', models.CharField(blank=True, default='', max_length=64)),
                    ('recommended_repair', models.CharField(blank=True, default='', max_length=64)),
                    ('cause', models.CharField(blank=True, default='', max_length=160)),
                    ('is_automation_barred', models.BooleanField(default=False)),
                    ('automatic_attempts', models.IntegerField(default=0)),
                    ('next_automatic_at', models.DateTimeField(null=True)),
                    ('opened_at', models.DateTimeField()),
                    ('respond_due_at', models.DateTimeField(null=True)),
                    ('resolve_due_at', models.DateTimeField(null=True)),
                    ('paused_minutes_left', models.IntegerField(null=True)),
                    ('responded_at', models.DateTimeField(null=True)),
                    ('next_escalation_at', models.DateTimeField(null=True)),
                    ('snoozed_until', models.DateTimeField(null=True)),
                    ('waits_until', models.CharField(blank=True, default='', max_length=64)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('closed_by', models.CharField(blank=True, default='', max_length=150)),
                    ('close_reason', models.TextField(blank=True, default='')),
                    ('reopened_count', models.IntegerField(default=0)),
                    ('changed_at', models.DateTimeField()),
                    ('changed_by', models.CharField(blank=True, default='', max_length=150)),
                    ('discrepancy', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='case', to='reconciliation.discrepancy')),
                    ('merged_into', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='exceptions.case')),
                    ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='reconciliation.order')),
                    ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cases', to=settings.AUTH_USER_MODEL)),
                    ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='reconciliation.team')),
                    ('clock_plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exceptions.clockplan')),
                ],
            ),
            migrations.CreateModel(
                name='CaseSign',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('sign', models.CharField(max_length=160)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='signs', to='exceptions.case')),
                ],
            ),
            migrations.CreateModel(
                name='Channel',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64)),
                    ('scheme', models.CharField(max_length=16)),
                    ('ciphertext', models.BinaryField()),
                    ('created_at', models.DateTimeField()),
                    ('created_by', models.CharField(max_length=150)),
                    ('removed_at', models.DateTimeField(null=True)),
                    ('failed_at', models.DateTimeField(null=True)),
                    ('error', models.TextField(blank=True, default='')),
                    ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='channels', to=settings.AUTH_USER_MODEL)),
                    ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='channels', to='reconciliation.team')),
                ],
            ),
            migrations.CreateModel(
                name='ClockInterval',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('began_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('waiting_for', models.CharField(blank=True, default='', max_length=16)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clock_intervals', to='exceptions.case')),
                    ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exceptions.clockplan')),
                ],
            ),
            migrations.CreateModel(
                name='Comment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('text', models.TextField()),
                    ('at', models.DateTimeField()),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='exceptions.case')),
                ],
            ),
            migrations.CreateModel(
                name='Attachment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=255)),
                    ('kind', models.CharField(max_length=128)),
                    ('size_bytes', models.IntegerField()),
                    ('sha256', models.BinaryField()),
                    ('content', models.BinaryField(null=True)),
                    ('forgotten_at', models.DateTimeField(null=True)),
                    ('comment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='exceptions.comment')),
                ],
            ),
            migrations.CreateModel(
                name='Escalation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('step', models.IntegerField()),
                    ('due_at', models.DateTimeField()),
                    ('fired_at', models.DateTimeField()),
                    ('to', models.CharField(max_length=64)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='exceptions.case')),
                ],
            ),
            migrations.CreateModel(
                name='Handoff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('canonical_id', models.CharField(blank=True, default='', max_length=255)),
                    ('context', models.JSONField()),
                    ('reason', models.TextField()),
                    ('sent_at', models.DateTimeField()),
                    ('resolve_due_at', models.DateTimeField(null=True)),
                    ('accept_due_at', models.DateTimeField()),
                    ('state', models.CharField(choices=[('WAITING', 'Waiting'), ('ACCEPTED', 'Accepted'), ('BOUNCED', 'Bounced'), ('LAPSED', 'Lapsed'), ('WITHDRAWN', 'Withdrawn'), ('OVERTAKEN', 'Overtaken')], default='WAITING', max_length=16)),
                    ('answered_by', models.CharField(blank=True, default='', max_length=150)),
                    ('answered_at', models.DateTimeField(null=True)),
                    ('answer', models.TextField(blank=True, default='')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handoffs', to='exceptions.case')),
                    ('from_team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reconciliation.team')),
                    ('sent_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('to_person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('to_team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handoffs', to='reconciliation.team')),
                ],
            ),
            migrations.CreateModel(
                name='HistoricalCase',
                fields=[
                    ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                    ('check_name', models.CharField(max_length=64)),
                    ('severity', models.CharField(choices=[('P1', 'P1'), ('P2', 'P2'), ('P3', 'P3')], max_length=2)),
                    ('state', django_fsm.FSMField(choices=[('NEW', 'New'), ('IN_PROGRESS', 'In Progress'), ('WAITING', 'Waiting'), ('VERIFYING', 'Verifying'), ('SETTLED', 'Settled'), ('DISMISSED', 'Dismissed')], default='NEW', editable=False, max_length=16)),
                    ('version', models.IntegerField(default=0)),
                    ('waiting_for', models.CharField(blank=True, default='', max_length=16)),
                    ('at_risk_minor', models.BigIntegerField(default=0)),
                    ('currency', models.CharField(blank=True, default='', max_length=3)),
                    ('rulebook_version', models.IntegerField()),
                    ('route', models.CharField(blank=True, default='', max_length=64)),
                    ('recommended_repair', models.CharField(blank=True, default='', max_length=64)),
                    ('cause', models.CharField(blank=True, default='', max_length=160)),
                    ('is_automation_barred', models.BooleanField(default=False)),
                    ('automatic_attempts', models.IntegerField(default=0)),
                    ('next_automatic_at', models.DateTimeField(null=True)),
                    ('opened_at', models.DateTimeField()),
                    ('respond_due_at', models.DateTimeField(null=True)),
                    ('resolve_due_at', models.DateTimeField(null=True)),
                    ('paused_minutes_left', models.IntegerField(null=True)),
                    ('responded_at', models.DateTimeField(null=True)),
                    ('next_escalation_at', models.DateTimeField(null=True)),
                    ('snoozed_until', models.DateTimeField(null=True)),
                    ('waits_until', models.CharField(blank=True, default='', max_length=64)),
                    ('closed_at', models.DateTimeField(null=True)),
                    ('closed_by', models.CharField(blank=True, default='', max_length=150)),
                    ('close_reason', models.TextField(blank=True, default='')),
                    ('reopened_count', models.IntegerField(default=0)),
                    ('changed_at', models.DateTimeField()),
                    ('changed_by', models.CharField(blank=True, default='', max_length=150)),
                    ('history_id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                    ('history_date', models.DateTimeField(db_index=True)),
                    ('history_change_reason', models.CharField(max_length=100, null=True)),
                    ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                    ('clock_plan', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='exceptions.clockplan')),
                    ('discrepancy', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reconciliation.discrepancy')),
                    ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('merged_into', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='exceptions.case')),
                    ('order', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reconciliation.order')),
                    ('owner', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('team', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reconciliation.team')),
                ],
                options={
                    'verbose_name': 'historical case',
                    'verbose_name_plural': 'historical cases',
                    'ordering': ('-history_date', '-history_id'),
                    'get_latest_by': ('history_date', 'history_id'),
                },
                bases=(simple_history.models.HistoricalChanges, models.Model),
            ),
            migrations.CreateModel(
                name='Message',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(default='inbox', max_length=16)),
                    ('severity', models.CharField(blank=True, default='', max_length=2)),
                    ('subject', models.CharField(max_length=255)),
                    ('text', models.TextField()),
                    ('href', models.CharField(blank=True, default='', max_length=200)),
                    ('state', models.CharField(choices=[('DUE', 'Due'), ('SENT', 'Sent'), ('FAILED', 'Failed')], default='DUE', max_length=16)),
                    ('attempts', models.IntegerField(default=0)),
                    ('next_attempt_at', models.DateTimeField(null=True)),
                    ('created_at', models.DateTimeField()),
                    ('sent_at', models.DateTimeField(null=True)),
                    ('read_at', models.DateTimeField(null=True)),
                    ('error', models.TextField(blank=True, default='')),
                    ('case', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='exceptions.case')),
                    ('copy_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='exceptions.message')),
                    ('escalation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='exceptions.escalation')),
                    ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to=settings.AUTH_USER_MODEL)),
                    ('via', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='exceptions.channel')),
                ],
            ),
            migrations.CreateModel(
                name='MessageAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('way', models.CharField(max_length=24)),
                    ('way_name', models.CharField(max_length=64)),
                    ('error', models.TextField(blank=True, default='')),
                    ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tries', to='exceptions.message')),
                ],
            ),
            migrations.CreateModel(
                name='NotificationPreference',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('by_severity', models.JSONField(default=dict)),
                    ('time_zone', models.CharField(default='UTC', max_length=64)),
                    ('quiet_from', models.TimeField(null=True)),
                    ('quiet_to', models.TimeField(null=True)),
                    ('digest_at', models.TimeField(null=True)),
                    ('digest_next_at', models.DateTimeField(null=True)),
                    ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='notification_preference', to=settings.AUTH_USER_MODEL)),
                ],
            ),
            migrations.CreateModel(
                name='RepairAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=64)),
                    ('plan', models.JSONField()),
                    ('plan_sha256', models.CharField(max_length=64)),
                    ('idempotency_key', models.CharField(max_length=64, unique=True)),
                    ('state', models.CharField(choices=[('RUNNING', 'Running'), ('DONE', 'Done'), ('FAILED', 'Failed'), ('UNDOING', 'Undoing'), ('UNDONE', 'Undone')], default='RUNNING', max_length=16)),
                    ('is_automatic', models.BooleanField(default=False)),
                    ('reason', models.TextField(blank=True, default='')),
                    ('at', models.DateTimeField()),
                    ('undo_until', models.DateTimeField(null=True)),
                    ('undone_at', models.DateTimeField(null=True)),
                    ('error', models.TextField(blank=True, default='')),
                    ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repairs', to='exceptions.case')),
                    ('correction', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reconciliation.event')),
                    ('undone_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('writeback', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reconciliation.writeback')),
                ],
            ),
            migrations.CreateModel(
                name='BulkItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('version', models.IntegerField()),
                    ('repair', models.CharField(blank=True, default='', max_length=64)),
                    ('plan_sha256', models.CharField(blank=True, default='', max_length=64)),
                    ('outcome', models.CharField(choices=[('DUE', 'Due'), ('DONE', 'Done'), ('SKIPPED', 'Skipped'), ('REFUSED', 'Refused'), ('CHANGED', 'Changed'), ('FAILED', 'Failed'), ('UNDONE', 'Undone')], default='DUE', max_length=16)),
                    ('why', models.TextField(blank=True, default='')),
                    ('before', models.JSONField(default=dict)),
                    ('version_after', models.IntegerField(null=True)),
                    ('at', models.DateTimeField(null=True)),
                    ('bulk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='exceptions.bulk')),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exceptions.case')),
                    ('attempt', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='exceptions.repairattempt')),
                ],
            ),
            migrations.CreateModel(
                name='SavedView',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('slug', models.SlugField(unique=True)),
                    ('name', models.CharField(max_length=64)),
                    ('position', models.IntegerField(default=0)),
                    ('filters', models.JSONField(default=list)),
                    ('sort', models.CharField(default='sla', max_length=16)),
                    ('columns', models.JSONField(default=list)),
                    ('density', models.CharField(blank=True, default='', max_length=16)),
                    ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='reconciliation.team')),
                    ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ],
            ),
            migrations.CreateModel(
                name='Skip',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reason', models.CharField(choices=[('NEEDS_INFO', 'Needs information'), ('NOT_MINE', 'Not mine'), ('TOO_HARD', 'Too hard'), ('OTHER', 'Something else')], max_length=16)),
                    ('at', models.DateTimeField()),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='skips', to='exceptions.case')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
            ),
            migrations.CreateModel(
                name='Snooze',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('by', models.CharField(max_length=150)),
                    ('at', models.DateTimeField()),
                    ('until', models.DateTimeField()),
                    ('condition', models.JSONField(default=dict)),
                    ('known', models.IntegerField(default=0)),
                    ('reason', models.TextField(blank=True, default='')),
                    ('ended_at', models.DateTimeField(null=True)),
                    ('ended_by', models.CharField(blank=True, default='', max_length=150)),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='snoozes', to='exceptions.case')),
                    ('woken_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reconciliation.event')),
                ],
            ),
            migrations.CreateModel(
                name='Viewing',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('since', models.DateTimeField()),
                    ('until', models.DateTimeField()),
                    ('case', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='viewings', to='exceptions.case')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
            ),
            migrations.AddIndex(
                model_name='bulk',
                index=models.Index(condition=models.Q(('state', 'DRAFT'), _negated=True), fields=['-id'], name='bulk_newest_asked'),
            ),
            migrations.AddIndex(
                model_name='casesign',
                index=models.Index(fields=['sign', 'case'], name='case_by_sign'),
            ),
            migrations.AddConstraint(
                model_name='casesign',
                constraint=models.UniqueConstraint(fields=('case', 'sign'), name='case_sign_once'),
            ),
            migrations.AddConstraint(
                model_name='channel',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('person__isnull', False), ('team__isnull', True)), models.Q(('person__isnull', True), ('team__isnull', False)), _connector='OR'), name='channel_of_one'),
            ),
            migrations.AddConstraint(
                model_name='clockinterval',
                constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('case',), name='clock_interval_one_open'),
            ),
            migrations.AddConstraint(
                model_name='clockinterval',
                constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_at__gte', models.F('began_at')), _connector='OR'), name='clock_interval_forward'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['resolve_due_at', 'id'], name='case_queue'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['team', 'resolve_due_at', 'id'], name='case_queue_team'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['owner', 'resolve_due_at', 'id'], name='case_queue_owner'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['-at_risk_minor', '-id'], name='case_queue_money'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['opened_at', 'id'], name='case_queue_age'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True), ('state__in', ['WAITING', 'VERIFYING'])), fields=['state', 'waiting_for'], name='case_aside'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('next_escalation_at__isnull', False)), fields=['next_escalation_at'], name='case_to_escalate'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('next_automatic_at__isnull', False)), fields=['next_automatic_at'], name='case_to_repair'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('snoozed_until__isnull', False)), fields=['snoozed_until'], name='case_to_wake'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(condition=models.Q(('closed_at__isnull', True), models.Q(('cause', ''), _negated=True)), fields=['cause', 'resolve_due_at'], name='case_of_cause'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(fields=['closed_at'], name='case_by_close'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(fields=['changed_at'], name='case_by_change'),
            ),
            migrations.AddIndex(
                model_name='case',
                index=models.Index(fields=['check_name', 'order'], name='case_of_check'),
            ),
            migrations.AddConstraint(
                model_name='case',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state__in', ['SETTLED', 'DISMISSED'])), models.Q(models.Q(('state__in', ['SETTLED', 'DISMISSED']), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='case_closed_has_moment'),
            ),
            migrations.AddConstraint(
                model_name='attachment',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('content__isnull', True), ('forgotten_at__isnull', False)), models.Q(('content__isnull', False), ('forgotten_at__isnull', True)), _connector='OR'), name='attachment_has_bytes_or_is_forgotten'),
            ),
            migrations.AddConstraint(
                model_name='escalation',
                constraint=models.UniqueConstraint(fields=('case', 'step'), name='escalation_once'),
            ),
            migrations.AddIndex(
                model_name='handoff',
                index=models.Index(condition=models.Q(('state', 'WAITING')), fields=['to_team', 'case'], name='handoff_to_team'),
            ),
            migrations.AddIndex(
                model_name='handoff',
                index=models.Index(condition=models.Q(('state', 'WAITING')), fields=['accept_due_at'], name='handoff_to_lapse'),
            ),
            migrations.AddConstraint(
                model_name='handoff',
                constraint=models.UniqueConstraint(condition=models.Q(('state', 'WAITING')), fields=('case',), name='handoff_one_open_a_case'),
            ),
            migrations.AddConstraint(
                model_name='handoff',
                constraint=models.CheckConstraint(condition=models.Q(('from_team', models.F('to_team')), _negated=True), name='handoff_to_another_team'),
            ),
            migrations.AddConstraint(
                model_name='handoff',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', True), ('state', 'WAITING')), models.Q(models.Q(('state', 'WAITING'), _negated=True), ('answered_at__isnull', False)), _connector='OR'), name='handoff_answered_has_moment'),
            ),
            migrations.AddConstraint(
                model_name='handoff',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), _negated=True), models.Q(models.Q(('state', 'BOUNCED'), _negated=True), models.Q(('answer', ''), _negated=True), _connector='OR')), name='handoff_has_reasons'),
            ),
            migrations.AddIndex(
                model_name='message',
                index=models.Index(condition=models.Q(('channel', 'inbox'), ('read_at__isnull', True)), fields=['recipient', 'id'], name='message_unread'),
            ),
            migrations.AddIndex(
                model_name='message',
                index=models.Index(condition=models.Q(('state', 'DUE')), fields=['next_attempt_at'], name='message_due'),
            ),
            migrations.AddConstraint(
                model_name='message',
                constraint=models.CheckConstraint(condition=models.Q(('recipient__isnull', False), ('via__isnull', False), _connector='OR'), name='message_to_someone'),
            ),
            migrations.AddIndex(
                model_name='notificationpreference',
                index=models.Index(condition=models.Q(('digest_next_at__isnull', False)), fields=['digest_next_at'], name='preference_digest'),
            ),
            migrations.AddConstraint(
                model_name='notificationpreference',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False)), _connector='OR'), name='preference_quiet_both'),
            ),
            migrations.AddConstraint(
                model_name='repairattempt',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['RUNNING', 'UNDOING'])), fields=('case',), name='repair_one_at_a_time'),
            ),
            migrations.AddIndex(
                model_name='bulkitem',
                index=models.Index(fields=['bulk', 'outcome'], name='bulk_item_outcome'),
            ),
            migrations.AddConstraint(
                model_name='bulkitem',
                constraint=models.UniqueConstraint(fields=('bulk', 'case'), name='bulk_item_once'),
            ),
            migrations.AddIndex(
                model_name='skip',
                index=models.Index(fields=['user', 'at'], name='skip_of_user'),
            ),
            migrations.AddIndex(
                model_name='snooze',
                index=models.Index(condition=models.Q(('ended_at__isnull', True), models.Q(('condition', {}), _negated=True)), fields=['id'], name='snooze_to_meet'),
            ),
            migrations.AddConstraint(
                model_name='snooze',
                constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('case',), name='snooze_one_open'),
            ),
            migrations.AddIndex(
                model_name='viewing',
                index=models.Index(fields=['user', 'until'], name='viewing_of_user'),
            ),
            migrations.AddConstraint(
                model_name='viewing',
                constraint=models.UniqueConstraint(fields=('case', 'user'), name='viewing_once'),
            ),
        ]),
        migrations.RunSQL(
            _GUARDS.read_text(encoding="utf-8"),
            reverse_sql="""
                DROP FUNCTION case_guard_delete() CASCADE;
                DROP FUNCTION case_guard_insert() CASCADE;
                DROP FUNCTION case_guard_update() CASCADE;
            """,
        ),
    ]
