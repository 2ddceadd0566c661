"""The addresses of the exception desk."""

from django.urls import URLPattern, path

from exceptions.views import (
    bulk,
    case,
    correct,
    live,
    metrics,
    orders,
    queue,
    repairs,
    views,
    working,
)
from reconciliation.views import replay

urlpatterns: list[URLPattern] = [
    path("exceptions/", queue.queue, name="queue"),
    path("exceptions/changes/", live.changes, name="queue-changes"),
    path("exceptions/bulk/", bulk.bulks, name="bulks"),
    path("exceptions/bulk/<int:bulk_id>/", bulk.one, name="bulk"),
    path("exceptions/bulk/<int:bulk_id>/run/", bulk.run, name="run-bulk"),
    path("exceptions/bulk/<int:bulk_id>/approve/", bulk.approve, name="approve-bulk"),
    path("exceptions/bulk/<int:bulk_id>/refuse/", bulk.refuse, name="refuse-bulk"),
    path("exceptions/bulk/<int:bulk_id>/again/", bulk.again, name="again-bulk"),
    path("exceptions/bulk/<int:bulk_id>/undo/", bulk.undo, name="undo-bulk"),
    path("exceptions/bulk/<int:bulk_id>/report.csv", bulk.report, name="bulk-report"),
    path("exceptions/next/", working.following, name="next-case"),
    path("exceptions/<int:case_id>/", case.case, name="case"),
    path("exceptions/<int:case_id>/looking/", live.looking, name="looking"),
    path("exceptions/<int:case_id>/claim/", case.claim, name="claim"),
    path("exceptions/<int:case_id>/assign/", case.assign, name="assign"),
    path("exceptions/<int:case_id>/snooze/", case.snooze, name="snooze"),
    path("exceptions/<int:case_id>/wake/", case.wake, name="wake"),
    path("exceptions/<int:case_id>/escalate/", case.escalate, name="escalate"),
    path("exceptions/<int:case_id>/comment/", case.comment, name="comment"),
    path("exceptions/<int:case_id>/skip/", working.skip, name="skip"),
    path("exceptions/<int:case_id>/dismiss/", case.dismiss, name="dismiss"),
    path("exceptions/<int:case_id>/reopen/", case.reopen, name="reopen"),
    path("exceptions/<int:case_id>/correct/", correct.correct, name="correct"),
    path("exceptions/<int:case_id>/retry/", correct.retry, name="retry"),
    path("exceptions/<int:case_id>/wait/", correct.wait, name="wait"),
    path("exceptions/<int:case_id>/repairs/<slug:kind>/", repairs.run, name="repair"),
    path("repairs/<int:attempt_id>/undo/", repairs.undo, name="undo"),
    path("orders/<path:canonical_id>/trail.csv", orders.trail, name="order-trail"),
    path("orders/<path:canonical_id>/replay/", replay.order, name="rebuild"),
    path("orders/<path:canonical_id>/", orders.order, name="order"),
    path("views/", views.save, name="save-view"),
    path("views/<slug:slug>/delete/", views.delete, name="delete-view"),
    path("metrics/", metrics.metrics, name="metrics"),
]
