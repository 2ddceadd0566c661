"""Who may do what, address by address: the one table that the matrix test holds the product to.

An address that the resolver knows and this table does not is a failure, and so is the reverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from config.install import ROLES
from tests.pages.people import EVERYONE, NO_ROLE, NOBODY

OK, NO_NEWS, MOVED, SEEN = 200, 204, 302, 303
DENIED, HIDDEN, NOT_SO, CHANGED, REFUSED = 403, 404, 405, 409, 422
SIGN_IN = "to the sign-in page"  # by a redirect, or by the header that moves a fragment's page

DESK = ("Operator", "Team lead", "Admin")  # who works exceptions, the first two in their teams
SEE_ALL = ("Team lead", "Executive", "Auditor", "Platform owner", "Admin")
TRAIL = ("Operator", "Team lead", "Executive", "Auditor", "Platform owner", "Admin")
EXPORTS = ("Team lead", "Executive", "Auditor", "Platform owner", "Admin")
BRING_FILES = ("Team lead", "Platform owner", "Admin")
READ_FILES = (*BRING_FILES, "Auditor")
PLATFORM = ("Platform owner", "Admin")
SEE_PEOPLE = ("Auditor", *PLATFORM)
SEE_CASE = ("Operator", *SEE_ALL)

Answer = int | str
Answers = Mapping[str, Answer]


@dataclass(frozen=True)
class Rule:
    """One address and the answer that each person gets to each method."""

    url: str
    get: Answers
    post: Answers
    sent: Mapping[str, str] = field(default_factory=dict)  # with POST
    is_swapped: bool = False  # a fragment gets the new piece where a page is sent on


def _signed_in(answers: Answers) -> Answers:
    """Add what holds everywhere: nobody is sent to sign in, a person without a role refused."""
    return {NOBODY: SIGN_IN, NO_ROLE: DENIED, **answers}


def every_role(status: Answer) -> Answers:
    """Give the same answer to all roles."""
    return _signed_in(dict.fromkeys(ROLES, status))


def only(roles: tuple[str, ...], status: Answer = OK, *, others: Answer = DENIED) -> Answers:
    """Give `status` to these roles, and another to the others."""
    return _signed_in({role: status if role in roles else others for role in ROLES})


def anyone(status: Answer) -> Answers:
    """Give the same answer to all, signed in or not."""
    return dict.fromkeys(EVERYONE, status)


def _page(url: str, get: Answers | None = None) -> Rule:
    """Describe a page that is only read."""
    return Rule(url, get or every_role(OK), every_role(NOT_SO))


def _verb(
    name: str,
    *,
    sent: Mapping[str, str] | None = None,
    status: Answer = SEEN,
    but: Answers | None = None,
) -> Rule:
    """Describe a verb on the case: its team's operators and leads do it, readers are refused."""
    post = {
        role: status if role in DESK else DENIED if role in SEE_CASE else HIDDEN for role in ROLES
    }
    post |= but or {}
    url = f"/exceptions/{{case}}/{name}/"
    return Rule(url, every_role(NOT_SO), _signed_in(post), sent or {}, is_swapped=True)


def _of_source(name: str, sent: Mapping[str, str] | None = None, status: Answer = SEEN) -> Rule:
    """Describe a change of a source, for those who run the platform."""
    return Rule(f"/sources/shop/{name}/", every_role(NOT_SO), only(PLATFORM, status), sent or {})


def _of_bulk(name: str, status: Answer, sent: Mapping[str, str] | None = None) -> Rule:
    """Describe a verb on a bulk that someone else asked for and that waits for a lead."""
    leads = ("Team lead", "Admin")
    post = {
        role: status if role in leads else DENIED if role in SEE_ALL else HIDDEN for role in ROLES
    }
    return Rule(
        f"/exceptions/bulk/{{bulk}}/{name}/", every_role(NOT_SO), _signed_in(post), sent or {}
    )


def _of_team(name: str, sent: Mapping[str, str] | None = None, status: Answer = SEEN) -> Rule:
    """Describe a change of a team: its lead's and the admins'."""
    roles = ("Team lead", "Admin")
    return Rule(f"/teams/customer-ops/{name}/", every_role(NOT_SO), only(roles, status), sent or {})


_LEADS = {"Operator": DENIED}  # only a lead gives work to others
_COMMENTS: dict[str, Answer] = {**dict.fromkeys(ROLES, SEEN), "Auditor": DENIED}
_COMMENTS |= {"Rule editor": HIDDEN, "Rule approver": HIDDEN}

_CANNOT: Answers = dict.fromkeys(("Executive", "Auditor", "Platform owner"), REFUSED)
_HIDES = {"Rule editor": HIDDEN, "Rule approver": HIDDEN}  # who see no case

# The case is customer ops', new, on an order; the Operator and the Team lead are on that team.
RULES: dict[str, Rule] = {
    "": _page("/", every_role(MOVED)),
    "sign-in/": Rule(
        "/sign-in/",
        {**dict.fromkeys(EVERYONE, MOVED), NOBODY: OK},
        {**dict.fromkeys(EVERYONE, MOVED), NOBODY: OK},
    ),
    "sign-out/": Rule("/sign-out/", {**anyone(NOT_SO), NOBODY: SIGN_IN}, anyone(SIGN_IN)),
    "settings/": Rule(
        "/settings/",
        {**every_role(OK), NO_ROLE: OK},
        {**every_role(MOVED), NO_ROLE: MOVED},
        {"time_zone": "UTC"},
    ),
    "go/": _page("/go/?q=O-1"),
    "keys/": _page("/keys/"),
    "exceptions/": _page("/exceptions/"),
    "exceptions/arrange/": _page("/exceptions/arrange/"),
    "exceptions/changes/": _page(
        "/exceptions/changes/?shown=&since=2026-01-01T00:00:00%2B00:00",
        {**only(SEE_CASE, others=NO_NEWS)},
    ),
    "exceptions/bulk/": Rule(
        "/exceptions/bulk/", every_role(OK), only(DESK, SEEN), {"verb": "snooze", "all": "1"}
    ),
    "exceptions/bulk/<int:bulk_id>/": _page(
        "/exceptions/bulk/{bulk}/", only(SEE_ALL, others=HIDDEN)
    ),
    "exceptions/bulk/<int:bulk_id>/run/": _of_bulk("run", SEEN, {"for": "1h"}),
    "exceptions/bulk/<int:bulk_id>/approve/": _of_bulk("approve", SEEN),
    "exceptions/bulk/<int:bulk_id>/refuse/": _of_bulk("refuse", SEEN, {"reason": "not now"}),
    "exceptions/bulk/<int:bulk_id>/again/": _of_bulk("again", CHANGED),
    "exceptions/bulk/<int:bulk_id>/undo/": _of_bulk("undo", CHANGED),
    "exceptions/bulk/<int:bulk_id>/report.csv": _page(
        "/exceptions/bulk/{bulk}/report.csv", only(SEE_ALL, others=HIDDEN)
    ),
    "exceptions/next/": _page("/exceptions/next/", every_role(SEEN)),
    "exceptions/<int:case_id>/": _page("/exceptions/{case}/", only(SEE_CASE, others=HIDDEN)),
    "exceptions/<int:case_id>/claim/": _verb("claim"),
    "exceptions/<int:case_id>/looking/": Rule(
        "/exceptions/{case}/looking/", every_role(NOT_SO), only(SEE_CASE, others=HIDDEN)
    ),
    "exceptions/<int:case_id>/assign/": _verb("assign", sent={"to": "team.lead"}, but=_LEADS),
    "exceptions/<int:case_id>/snooze/": _verb("snooze", sent={"for": "1h"}),
    "exceptions/<int:case_id>/wake/": _verb("wake", status=REFUSED),  # it does not sleep
    "exceptions/<int:case_id>/escalate/": _verb("escalate", sent={"reason": "now"}),
    "exceptions/<int:case_id>/comment/": Rule(
        "/exceptions/{case}/comment/",
        every_role(NOT_SO),
        _signed_in(_COMMENTS),
        {"text": "hello"},
        is_swapped=True,
    ),
    "exceptions/<int:case_id>/files/<int:attachment_id>/": Rule(
        "/exceptions/{case}/files/0/", every_role(HIDDEN), every_role(NOT_SO)
    ),
    "exceptions/<int:case_id>/handoff/": _verb(
        "handoff", sent={"team": "revenue-ops", "reason": "theirs"}
    ),
    # Nothing was handed over that could be answered.
    "exceptions/<int:case_id>/handoff/accept/": _verb(
        "handoff/accept", status=REFUSED, but=_CANNOT
    ),
    "exceptions/<int:case_id>/handoff/bounce/": _verb(
        "handoff/bounce", sent={"reason": "no"}, status=REFUSED, but=_CANNOT
    ),
    "exceptions/<int:case_id>/handoff/withdraw/": _verb("handoff/withdraw", status=REFUSED),
    # The case is about an order: there is nothing to correct, to try again or to wait for.
    "exceptions/<int:case_id>/merge/": _verb("merge", sent={"into": "1"}, status=REFUSED),
    "exceptions/<int:case_id>/separate/": _verb("separate", status=REFUSED),
    "exceptions/<int:case_id>/correct/": Rule(
        "/exceptions/{case}/correct/",
        {**only(DESK, HIDDEN), **_HIDES},
        {**only(DESK, HIDDEN), **_HIDES},
    ),
    "exceptions/<int:case_id>/retry/": _verb("retry", status=REFUSED),
    "exceptions/<int:case_id>/wait/": _verb("wait", sent={"days": "3"}, status=REFUSED),
    "exceptions/<int:case_id>/skip/": replace(
        _verb("skip", sent={"reason": "OTHER"}), is_swapped=False
    ),
    "exceptions/<int:case_id>/dismiss/": _verb("dismiss", sent={"reason": "fine"}),
    "exceptions/<int:case_id>/reopen/": _verb("reopen", status=REFUSED),  # it is open
    "exceptions/<int:case_id>/repairs/<slug:kind>/": Rule(
        "/exceptions/{case}/repairs/cancel_order/",
        only(SEE_CASE, others=HIDDEN),
        _signed_in(
            {
                role: REFUSED if role in DESK else DENIED if role in SEE_CASE else HIDDEN
                for role in ROLES
            }
        ),
        {"plan_sha256": "0" * 64, "idempotency_key": "k-1"},
    ),
    "repairs/<int:attempt_id>/undo/": Rule(
        "/repairs/0/undo/", every_role(NOT_SO), every_role(HIDDEN)
    ),
    "views/": Rule(
        "/views/", every_role(NOT_SO), every_role(SEEN), {"name": "Old", "f": "state:is:NEW"}
    ),
    "views/<slug:slug>/change/": Rule(  # it comes with the product
        "/views/mine/change/", every_role(NOT_SO), every_role(DENIED), {"name": "Ours"}
    ),
    "views/<slug:slug>/delete/": Rule(
        "/views/mine/delete/", every_role(NOT_SO), every_role(DENIED)
    ),
    "orders/": _page("/orders/"),
    "orders/<path:canonical_id>/": _page("/orders/{order}/"),
    "orders/<path:canonical_id>/why/": _page("/orders/{order}/why/"),
    "orders/<path:canonical_id>/trail.csv": _page("/orders/{order}/trail.csv"),
    "sources/": _page("/sources/"),
    "sources/<slug:slug>/": _page("/sources/shop/"),
    "sources/<slug:slug>/change/": _of_source("change", {"version": "0"}, 409),
    "sources/<slug:slug>/pause/": _of_source("pause"),
    "sources/<slug:slug>/resume/": _of_source("resume", status=REFUSED),  # it is not paused
    "sources/<slug:slug>/call-again/": _of_source("call-again", status=REFUSED),  # it answers
    "sources/<slug:slug>/rotate/": _of_source("rotate", {"overlap": "1d"}, OK),
    "sources/<slug:slug>/secrets/<int:secret_id>/retire/": _of_source(
        "secrets/0/retire", status=HIDDEN
    ),
    "connect-source/": Rule(
        "/connect-source/", only(PLATFORM), only(PLATFORM, REFUSED), {"name": "X"}
    ),
    "orders/<path:canonical_id>/replay/": Rule(
        "/orders/{order}/replay/",
        every_role(OK),
        only(PLATFORM, REFUSED),  # no reason is given
    ),
    "replay/": Rule("/replay/", every_role(OK), only(PLATFORM, SEEN)),
    "people/": Rule("/people/", only(SEE_PEOPLE), only(SEE_PEOPLE, REFUSED)),
    "people/<int:subject_id>/": _page("/people/{person}/", only(SEE_PEOPLE)),
    "people/<int:subject_id>/erase/": Rule(
        "/people/{person}/erase/",
        every_role(NOT_SO),
        only(PLATFORM, SEEN),
        {"typed": "c-1", "reason": "asked"},
    ),
    "people/<int:subject_id>/hold/": Rule(
        "/people/{person}/hold/", every_role(NOT_SO), only(PLATFORM, SEEN), {"reason": "a case"}
    ),
    "events/": _page("/events/"),
    "events/<int:event_id>/": _page("/events/{event}/"),
    "events/<int:event_id>/not-a-duplicate/": Rule(  # it is none
        "/events/{event}/not-a-duplicate/", every_role(NOT_SO), only(DESK, CHANGED)
    ),
    "events/rejected/<int:rejected_id>/": _page("/events/rejected/{rejected}/"),
    "comparisons/": Rule("/comparisons/", every_role(OK), only(BRING_FILES, REFUSED)),
    "comparisons/exports/<int:job_id>/": _page("/comparisons/exports/{export}/", only(READ_FILES)),
    "comparisons/exports/<int:job_id>/errors.csv": _page(
        "/comparisons/exports/{export}/errors.csv", only(READ_FILES)
    ),
    "comparisons/<int:window_id>/": _page("/comparisons/{window}/"),
    "comparisons/<int:window_id>/again/": Rule(
        "/comparisons/{window}/again/", every_role(NOT_SO), only(("Platform owner", "Admin"), SEEN)
    ),
    "comparisons/schedules/<slug:slug>/": Rule(
        "/comparisons/schedules/shop/",
        only(("Platform owner", "Admin")),
        only(("Platform owner", "Admin"), REFUSED),
    ),
    "who/": _page("/who/?q=O-1"),
    "company/days-off/": Rule(
        "/company/days-off/",
        every_role(NOT_SO),
        only(("Admin",), SEEN),
        {"day": "2099-12-24", "name": "Party"},
    ),
    "teams/": Rule("/teams/", every_role(OK), only(("Admin",), SEEN), {"name": "Night shift"}),
    "teams/<slug:slug>/": _page("/teams/customer-ops/"),
    "teams/<slug:slug>/change/": _of_team("change", {"version": "0"}, CHANGED),
    "teams/<slug:slug>/calendar/": Rule(  # other teams follow it, which the lead does not run
        "/teams/customer-ops/calendar/",
        every_role(NOT_SO),
        only(("Admin",), CHANGED),
        {"version": "0"},
    ),
    "teams/<slug:slug>/members/": _of_team("members", {"username": "auditor"}),
    "teams/<slug:slug>/members/<int:member_id>/": Rule(
        "/teams/customer-ops/members/0/",
        every_role(HIDDEN),
        only(("Team lead", "Admin"), HIDDEN),
        {"version": "0"},
    ),
    "teams/<slug:slug>/members/<int:member_id>/remove/": _of_team("members/0/remove", None, HIDDEN),
    "teams/<slug:slug>/absences/": Rule(
        "/teams/customer-ops/absences/",
        every_role(NOT_SO),
        only(("Operator", "Team lead", "Admin"), SEEN),  # the Operator for themselves
        {
            "username": "operator",
            "starts_at": "2099-01-01T09:00",
            "ends_at": "2099-01-02T09:00",
        },
    ),
    "teams/<slug:slug>/absences/<int:absence_id>/end/": Rule(
        "/teams/customer-ops/absences/0/end/", every_role(NOT_SO), every_role(HIDDEN)
    ),
    "inbox/": _page("/inbox/"),
    "inbox/read/": Rule("/inbox/read/", every_role(NOT_SO), every_role(SEEN)),
    "notifications/": Rule(
        "/notifications/", every_role(OK), every_role(SEEN), {"time_zone": "UTC"}
    ),
    "notifications/channels/": Rule(  # no address is given
        "/notifications/channels/", every_role(NOT_SO), every_role(REFUSED), {"name": "X"}
    ),
    "notifications/channels/<int:channel_id>/try/": Rule(
        "/notifications/channels/0/try/", every_role(NOT_SO), every_role(HIDDEN)
    ),
    "notifications/channels/<int:channel_id>/remove/": Rule(
        "/notifications/channels/0/remove/", every_role(NOT_SO), every_role(HIDDEN)
    ),
    "metrics/": _page("/metrics/"),
    # Files hold customers' data. Leads bring them for the sources that their teams own.
    "imports/": Rule("/imports/", only(READ_FILES), only(BRING_FILES, REFUSED)),
    "imports/<int:upload_id>/": _page("/imports/{upload}/", only(READ_FILES)),
    "imports/<int:upload_id>/commit/": Rule(
        "/imports/{upload}/commit/", every_role(NOT_SO), only(BRING_FILES, SEEN), is_swapped=True
    ),
    "imports/<int:upload_id>/errors.csv": _page("/imports/{upload}/errors.csv", only(READ_FILES)),
    "imports/files/<int:file_id>/": Rule(
        "/imports/files/{file}/", only(BRING_FILES), only(BRING_FILES, REFUSED)
    ),
    "imports/mappings/<int:mapping_id>/": _page("/imports/mappings/{mapping}/", only(READ_FILES)),
    "jobs/": _page("/jobs/"),
    "jobs/pass/": Rule("/jobs/pass/", every_role(NOT_SO), only(("Platform owner", "Admin"), SEEN)),
    "jobs/<int:job_id>/": _page("/jobs/{job}/"),
    "jobs/<int:job_id>/stop/": Rule(
        "/jobs/{job}/stop/",
        every_role(NOT_SO),
        only(("Platform owner", "Admin"), SEEN),
        is_swapped=True,
    ),
    "audit/": _page("/audit/", only(TRAIL)),
    "audit/export.csv": _page("/audit/export.csv", only(EXPORTS)),
    "audit/export.jsonl": _page("/audit/export.jsonl", only(EXPORTS)),
    "health/": _page("/health/"),
    "health/live/": Rule("/health/live/", anyone(OK), anyone(NOT_SO)),
    "health/ready/": Rule("/health/ready/", anyone(OK), anyone(NOT_SO)),
    "ingest/<slug:slug>/": Rule("/ingest/shop/", anyone(NOT_SO), anyone(401)),
    "schemas/": Rule("/schemas/", anyone(OK), anyone(NOT_SO)),
    "schemas/index.json": Rule("/schemas/index.json", anyone(OK), anyone(NOT_SO)),
    "schemas/<str:name>": Rule("/schemas/order.created.v1", anyone(OK), anyone(NOT_SO)),
    "schemas/<str:name>/": Rule("/schemas/order.created/", anyone(OK), anyone(NOT_SO)),
    "schemas/<str:name>.json": Rule("/schemas/order.created.v1.json", anyone(OK), anyone(NOT_SO)),
    # Django's own pages: staff only, held by Django; others are sent to its sign-in page.
    "admin/": Rule(
        "/admin/",
        {**dict.fromkeys(EVERYONE, MOVED), NO_ROLE: DENIED, "Admin": OK},
        {**dict.fromkeys(EVERYONE, MOVED), NO_ROLE: DENIED, "Admin": OK},
    ),
}
