"""The frame round every page: signing in, preferences, refusals."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

PASSWORD = "a-long-password-1"  # noqa: S105 - of a test
pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    user = User.objects.create_user("olga", "", PASSWORD, first_name="Olga")
    user.groups.add(Group.objects.get_or_create(name="Operator")[0])
    return user


@pytest.fixture
def olga(operator: User) -> Client:
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_an_empty_product_says_how_to_make_the_first_account() -> None:
    page = Client().get("/sign-in/").content.decode()

    assert "manage.py create_admin" in page


def test_a_person_signs_in_and_lands_on_the_page_of_their_role(operator: User) -> None:
    client = Client()

    answer = client.post("/sign-in/", {"username": "olga", "password": PASSWORD})
    home = client.get("/")

    assert answer["Location"] == "/"
    assert home["Location"] == "/exceptions/?view=mine"


def test_a_wrong_password_is_said_beside_the_form(operator: User) -> None:
    answer = Client().post("/sign-in/", {"username": "olga", "password": "wrong"})

    assert "Name and password do not match." in answer.content.decode()


def test_the_account_rests_after_five_wrong_passwords(operator: User) -> None:
    client = Client()

    for _ in range(5):
        answer = client.post("/sign-in/", {"username": "olga", "password": "wrong"})

    assert answer.status_code == 429
    assert "Signing in is paused for 15 minutes" in answer.content.decode()


def test_signing_out_takes_a_form(olga: Client) -> None:
    assert olga.get("/sign-out/").status_code == 405
    assert olga.post("/sign-out/")["Location"] == "/sign-in/"


def test_settings_are_kept_and_used(olga: Client) -> None:
    olga.post("/settings/", {"theme": "dark", "density": "compact", "time_zone": "Europe/Berlin"})

    page = olga.get("/settings/").content.decode()

    assert 'data-theme="dark" data-density="compact"' in page
    assert 'data-keys="off"' in page


def test_an_unknown_time_zone_is_refused_beside_its_field(olga: Client) -> None:
    answer = olga.post("/settings/", {"time_zone": "Mars/Olympus"})

    assert answer.status_code == 422
    assert "Nothing changed." in answer.content.decode()


def test_a_broken_preferences_cookie_counts_as_not_set(olga: Client) -> None:
    olga.cookies["preferences"] = '["no'

    assert olga.get("/settings/").status_code == 200


def test_a_person_without_a_role_is_told_whom_to_ask() -> None:
    admin = User.objects.create_user("ada", first_name="Ada")
    admin.groups.add(Group.objects.get_or_create(name="Admin")[0])
    client = Client()
    client.force_login(
        User.objects.create_user("new"), backend="django.contrib.auth.backends.ModelBackend"
    )

    answer = client.get("/")

    assert answer.status_code == 403
    assert "Roles are granted by Ada." in answer.content.decode()


def test_a_page_that_is_not_there_has_a_way_back(olga: Client) -> None:
    answer = olga.get("/nowhere/")

    assert answer.status_code == 404
    assert "Back to my work" in answer.content.decode()


def test_a_signed_out_fragment_sends_the_whole_page_to_sign_in() -> None:
    answer = Client().get(
        "/", headers={"HX-Request": "true", "HX-Current-URL": "http://x/exceptions/?view=mine"}
    )

    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fexceptions%2F%3Fview%3Dmine"


def test_every_answer_carries_the_strict_policy(olga: Client) -> None:
    policy = olga.get("/settings/")["Content-Security-Policy"]

    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
