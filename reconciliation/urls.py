"""The addresses of reconciliation."""

from django.urls import URLPattern, URLResolver, path

from reconciliation.views import ingest, orders, schemas

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/", orders.orders, name="orders"),
    path("ingest/<slug:slug>/", ingest.ingest, name="ingest"),
    path("schemas/", schemas.index, name="schemas"),
    path("schemas/<str:name>.json", schemas.schema, name="schema"),
]
