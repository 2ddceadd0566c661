"""The kinds of long work that workers take up, and the function that does one step of each.

A new kind is a line here; the verb that starts it makes a QUEUED Job and nudges "jobs".
"""

from collections.abc import Mapping

from exceptions import bulk_steps
from reconciliation import brought_steps, full_pass, replay_job, upload_steps
from reconciliation.job_runner import Step

KINDS: Mapping[str, Step] = {
    **upload_steps.KINDS,
    **brought_steps.KINDS,
    full_pass.KIND: full_pass.step,
    replay_job.KIND: replay_job.step,
    bulk_steps.KIND: bulk_steps.step,
}
