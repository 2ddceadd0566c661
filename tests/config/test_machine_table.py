"""From each state to each other by each path: only what is declared and recorded passes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Model
from django.forms import modelform_factory
from django.http import HttpRequest
from django.test import Client, RequestFactory

from audit.models import AuditEvent
from audit.record import record
from exceptions.models import Case
from exceptions.models.cases import CLOSED
from reconciliation.lifecycle import advance
from reconciliation.machine import path_from
from reconciliation.models import Order, RulebookVersion, Team, WriteBack
from reconciliation.models.moves import facts_of
from tests.exceptions.people import broken, case, install_product
from tests.moves import machine_of, pairs_of, walk
from tests.reconciliation.test_lifecycle import ROW, make, standing_in
from tests.world import NOON, source

Columns = dict[str, Any]
MODELS: list[type[Model]] = [Order, Case, WriteBack, RulebookVersion]
VERSIONED = (Order, Case)
BACKEND = "django.contrib.auth.backends.ModelBackend"
REFUSAL = "may not (move so|go from)"
_numbers = count(2)


def a_writeback(state: str) -> WriteBack:
    owed = WriteBack.objects.create(
        target=source("shop"), order=make(), action="mark_fulfilled", payload={},
        idempotency_key=str(next(_numbers)), created_at=NOON,
    )  # fmt: skip
    walk(owed, state, at=NOON)
    return owed


def a_version(state: str) -> RulebookVersion:
    draft = RulebookVersion.objects.create(
        number=next(_numbers), content={}, content_sha256="", author="ada", created_at=NOON
    )
    walk(draft, state, at=NOON)
    return draft


def prepare(model: type[Model]) -> None:
    """Put there what a case stands on."""
    if model is Case and not Team.objects.exists():
        install_product()


def a_case(state: str) -> Case:
    prepare(Case)
    return case(state=state, at=NOON, order=f"O-{next(_numbers)}")


STANDING: dict[type[Model], Callable[[str], Model]] = {
    Order: standing_in, Case: a_case, WriteBack: a_writeback, RulebookVersion: a_version,
}  # fmt: skip


def states(model: type[Model]) -> list[str]:
    found: list[str] = model.State.values  # type: ignore[attr-defined]
    return found


@contextmanager
def undone() -> Iterator[None]:
    """Take back all that the block does."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def columns_for(row: Model, state: str) -> Columns:
    """Say all that a verb would write with a move, so that nothing but the guard objects."""
    columns: Columns = {"state": state}
    if isinstance(row, VERSIONED):
        columns["version"] = row.version + 1
    if isinstance(row, Case):
        columns["closed_at"] = NOON if state in CLOSED else None
    return columns


def changed(row: Model, columns: Columns) -> Model:
    for name, value in columns.items():
        setattr(row, name, value)
    return row


def by_saving(row: Model, columns: Columns) -> None:
    changed(row, columns).save(update_fields=list(columns))


def by_saving_all(row: Model, columns: Columns) -> None:
    changed(row, columns).save()


def by_update(row: Model, columns: Columns) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**columns)


def by_bulk_update(row: Model, columns: Columns) -> None:
    type(row)._default_manager.bulk_update([changed(row, columns)], list(columns))


def by_upsert(row: Model, columns: Columns) -> None:
    type(row)._default_manager.bulk_create(
        [changed(row, columns)], update_conflicts=True, unique_fields=["id"],
        update_fields=list(columns),
    )  # fmt: skip


def by_raw_sql(row: Model, columns: Columns) -> None:
    said = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {row._meta.db_table} SET {said} WHERE id = %s", [*columns.values(), row.pk]
        )


def by_merge(row: Model, columns: Columns) -> None:
    said = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"MERGE INTO {row._meta.db_table} AS kept USING (SELECT %s::bigint AS id) AS given"
            f" ON kept.id = given.id WHEN MATCHED THEN UPDATE SET {said}",
            [row.pk, *columns.values()],
        )


def by_admin_form(row: Model, columns: Columns) -> None:
    """Post the form of Django's admin, as if someone had registered the model there."""

    class Registered(admin.ModelAdmin):  # type: ignore[type-arg]
        def get_form(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - as its base
            return modelform_factory(type(row), fields=[])

        def get_fieldsets(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - as its base
            return [(None, {"fields": []})]

        def save_model(self, request: HttpRequest, obj: Model, form: Any, change: Any) -> None:  # noqa: ANN401
            super().save_model(request, changed(obj, columns), form, change)

    request = RequestFactory().post("/admin/", {})
    request.user = User(is_active=True, is_staff=True, is_superuser=True)
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    Registered(type(row), admin.AdminSite()).changeform_view(request, str(row.pk))


def by_admin_action(row: Model, columns: Columns) -> None:
    """Do to ticked rows what an action of Django's admin would."""
    request = RequestFactory().post("/admin/")
    registered = admin.ModelAdmin(type(row), admin.AdminSite())
    registered.get_queryset(request).filter(pk__in=[row.pk]).update(**columns)


PATHS = [
    by_saving, by_saving_all, by_update, by_bulk_update, by_upsert, by_raw_sql, by_merge,
    by_admin_form, by_admin_action,
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_no_path_leads_past_the_verbs(
    model: type[Model], path: Callable[[Model, Columns], None]
) -> None:
    prepare(model)
    for from_state in states(model):
        with undone():
            row = STANDING[model](from_state)
            for to_state in {*states(model), "NONSENSE"} - {from_state}:
                known = type(row)._default_manager.get(pk=row.pk)
                with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
                    path(known, columns_for(known, to_state))
            assert model._default_manager.values_list("state", flat=True).get(pk=row.pk) == (
                from_state
            )


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS)
def test_what_is_recorded_passes_if_it_is_declared(model: type[Model]) -> None:
    prepare(model)
    passed = set()
    for from_state in states(model):
        with undone():
            row = STANDING[model](from_state)
            for to_state in {*states(model), "NONSENSE"} - {from_state}:
                with undone():
                    put_on_trail(row, from_state, to_state)
                    try:
                        with transaction.atomic():
                            by_update(row, columns_for(row, to_state))
                    except DatabaseError as refusal:
                        assert "may not" in str(refusal)  # noqa: PT017 - most are refused
                    else:
                        passed.add((from_state, to_state))

    assert passed == {(before, after) for before, after in pairs_of(model) if before != after}


def put_on_trail(row: Model, from_state: str, to_state: str) -> None:
    stream = "order" if isinstance(row, Order) else machine_of(type(row)).stream
    record(
        stream=stream, subject_id=row.pk, action="test.moved", actor="test", at=NOON,
        from_state=from_state, to_state=to_state,
    )  # fmt: skip


MOVES = [
    (Order, "CREATED", "CONFIRMED"),
    (Case, "NEW", "IN_PROGRESS"),
    (WriteBack, "DUE", "SENDING"),
    (RulebookVersion, "DRAFT", "IN_REVIEW"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("model", "from_state", "to_state"), MOVES)
def test_a_record_of_another_transaction_does_not_count(
    model: type[Model], from_state: str, to_state: str
) -> None:
    row = STANDING[model](from_state)
    put_on_trail(row, from_state, to_state)

    with pytest.raises(DatabaseError, match=REFUSAL):
        by_update(row, columns_for(row, to_state))


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "from_state", "to_state"), MOVES)
def test_the_record_of_another_row_or_move_does_not_count(
    model: type[Model], from_state: str, to_state: str
) -> None:
    row, other = STANDING[model](from_state), STANDING[model](from_state)

    put_on_trail(other, from_state, to_state)
    with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        by_update(row, columns_for(row, to_state))
    put_on_trail(row, to_state, from_state)
    with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        by_update(row, columns_for(row, to_state))


@pytest.mark.django_db
@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize(("model", "from_state", "to_state"), MOVES[:2])
def test_a_move_makes_the_version_one_more(
    model: type[Model], from_state: str, to_state: str, step: int
) -> None:
    row = STANDING[model](from_state)
    put_on_trail(row, from_state, to_state)

    with pytest.raises(DatabaseError, match=REFUSAL), transaction.atomic():
        by_update(row, {"state": to_state, "version": F("version") + step})


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS)
def test_nothing_begins_but_at_the_beginning(model: type[Model]) -> None:
    first = model._meta.get_field("state").get_default()  # type: ignore[union-attr]
    row = STANDING[model](first)
    for state in {*states(model), "NONSENSE"} - {first}:
        row.pk, row._state.adding = None, True
        with pytest.raises(DatabaseError, match=r"begins? as"), transaction.atomic():
            changed(row, unique_columns(row) | columns_for(row, state)).save(force_insert=True)


def unique_columns(row: Model) -> Columns:
    number = next(_numbers)
    if isinstance(row, Case):
        return {"discrepancy": broken(order=f"O-{number}", at=NOON)}
    name = {Order: "canonical_id", WriteBack: "idempotency_key", RulebookVersion: "number"}
    return {name[type(row)]: number}


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS[:3])
def test_what_was_moved_is_never_deleted(model: type[Model]) -> None:
    row = STANDING[model](states(model)[0])

    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        model._default_manager.filter(pk=row.pk)._raw_delete("default")


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS)
def test_the_admin_has_no_address_that_would_move_it(model: type[Model], client: Client) -> None:
    prepare(model)
    client.force_login(User.objects.create_superuser("ada"), backend=BACKEND)
    at = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for from_state in states(model) if model is Order else states(model)[:1]:
        with undone():
            row = STANDING[model](from_state)
            asked: list[tuple[str, Columns]] = [
                *((f"{at}{row.pk}/change/", {"state": state}) for state in states(model)),
                (at, {"action": "delete_selected", "_selected_action": [row.pk]}),
                (f"{at}add/", {"state": from_state}),
                (f"{at}{row.pk}/delete/", {"post": "yes"}),
            ]
            assert {client.post(url, said).status_code for url, said in asked} == {404}
            assert model._default_manager.values_list("state", flat=True).get(pk=row.pk) == (
                from_state
            )


def test_the_admin_holds_people_and_nothing_that_moves() -> None:
    assert set(admin.site._registry).isdisjoint(MODELS)
    assert {model._meta.app_label for model in admin.site._registry} <= {"auth", "axes"}


# One row for every combination of what can be said of an order.
FACTS = [
    {
        "cancelled_at": cancelled, "confirmed_at": confirmed, "placed_at": NOON,
        "unshipped_quantity": unshipped, "ordered_minor": 1000, "invoiced_minor": invoiced,
        "verdict": verdict, "is_closable": is_closable,
    }
    for cancelled, confirmed, unshipped, invoiced, verdict, is_closable in product(
        (None, NOON), (None, NOON), (0, 1), (0, 1000), Order.Verdict.values, (False, True)
    )
]  # fmt: skip


@pytest.mark.django_db
def test_advance_makes_every_declared_move_of_an_order_and_no_other() -> None:
    orders = Order.objects.bulk_create(
        Order(canonical_id=f"{state}-{number}", currency="EUR", **ROW[state])
        for state in states(Order)
        for number in range(len(FACTS))
    )
    known = [order.pk for order in orders]
    advance(order_ids=known, actor="service:test", at=NOON)
    before = dict(Order.objects.values_list("pk", "state"))
    assert set(before.values()) == set(states(Order))
    since = AuditEvent.objects.latest("pk").pk
    for number, facts in enumerate(FACTS):
        Order.objects.filter(canonical_id__endswith=f"-{number}").update(**facts)

    advance(order_ids=known, actor="service:test", at=NOON)

    for order in Order.objects.all():
        path = path_from(before[order.pk], facts_of(order))
        assert order.state == (path[-1].target if path else before[order.pk])
    made = AuditEvent.objects.filter(stream="order", pk__gt=since)
    assert set(made.values_list("from_state", "to_state")) == pairs_of(Order)
