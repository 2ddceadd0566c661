"""The addresses of reconciliation."""

from django.urls import URLPattern, URLResolver, path

from reconciliation.views import comparisons, events, ingest, jobs, orders, schemas

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/", orders.orders, name="orders"),
    path("events/", events.events, name="events"),
    path("events/<int:event_id>/", events.event, name="event"),
    path("events/rejected/<int:rejected_id>/", events.rejected, name="rejected-event"),
    path("comparisons/", comparisons.comparisons, name="comparisons"),
    path("comparisons/<int:window_id>/", comparisons.comparison, name="comparison"),
    path("comparisons/<int:window_id>/again/", comparisons.again, name="compare-again"),
    path("comparisons/schedules/<slug:slug>/", comparisons.schedule, name="comparison-schedule"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/pass/", jobs.start_pass, name="start-pass"),
    path("jobs/<int:job_id>/", jobs.job, name="job"),
    path("jobs/<int:job_id>/stop/", jobs.stop, name="stop-job"),
    path("ingest/<slug:slug>/", ingest.ingest, name="ingest"),
    path("schemas/", schemas.index, name="schemas"),
    path("schemas/index.json", schemas.listed, name="schema-list"),
    path("schemas/<str:name>.json", schemas.schema, name="schema"),
    path("schemas/<str:name>", schemas.schema, name="schema-named"),
    path("schemas/<str:name>/", schemas.of_type, name="schema-type"),
]
