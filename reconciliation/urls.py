"""The addresses of reconciliation."""

from django.urls import URLPattern, URLResolver, path

from reconciliation.views import (
    comparisons,
    events,
    imports,
    ingest,
    jobs,
    mappings,
    orders,
    schemas,
    sources,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/", orders.orders, name="orders"),
    path("sources/", sources.sources, name="sources"),
    path("sources/<slug:slug>/", sources.source, name="source"),
    path("sources/<slug:slug>/change/", sources.change, name="change-source"),
    path("sources/<slug:slug>/pause/", sources.pause, name="pause-source"),
    path("sources/<slug:slug>/resume/", sources.resume, name="resume-source"),
    path("sources/<slug:slug>/rotate/", sources.rotate, name="rotate-secret"),
    path(
        "sources/<slug:slug>/secrets/<int:secret_id>/retire/", sources.retire, name="retire-secret"
    ),
    path("connect-source/", sources.connect, name="connect-source"),
    path("events/", events.events, name="events"),
    path("events/<int:event_id>/", events.event, name="event"),
    path("events/<int:event_id>/not-a-duplicate/", events.set_apart, name="set-apart"),
    path("events/rejected/<int:rejected_id>/", events.rejected, name="rejected-event"),
    path("comparisons/", comparisons.comparisons, name="comparisons"),
    path("comparisons/<int:window_id>/", comparisons.comparison, name="comparison"),
    path("comparisons/<int:window_id>/again/", comparisons.again, name="compare-again"),
    path("comparisons/schedules/<slug:slug>/", comparisons.schedule, name="comparison-schedule"),
    path("imports/", imports.imports, name="imports"),
    path("imports/<int:upload_id>/", imports.upload, name="import"),
    path("imports/<int:upload_id>/commit/", imports.commit, name="commit-import"),
    path("imports/<int:upload_id>/errors.csv", imports.errors, name="import-errors"),
    path("imports/files/<int:file_id>/", mappings.map_file, name="map-file"),
    path("imports/mappings/<int:mapping_id>/", imports.mapping, name="mapping"),
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
