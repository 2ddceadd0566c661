"""The addresses of reconciliation."""

from django.urls import URLPattern, URLResolver, path

from reconciliation.views import ingest, jobs, orders, schemas

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/", orders.orders, name="orders"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job_id>/", jobs.job, name="job"),
    path("jobs/<int:job_id>/stop/", jobs.stop, name="stop-job"),
    path("ingest/<slug:slug>/", ingest.ingest, name="ingest"),
    path("schemas/", schemas.index, name="schemas"),
    path("schemas/<str:name>.json", schemas.schema, name="schema"),
]
