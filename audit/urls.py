"""The addresses of audit."""

from django.urls import URLPattern, URLResolver, path

from audit import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("audit/", views.audit, name="audit"),
    path("audit/export.csv", views.export, {"form": "csv"}, name="audit-csv"),
    path("audit/export.jsonl", views.export, {"form": "jsonl"}, name="audit-jsonl"),
]
