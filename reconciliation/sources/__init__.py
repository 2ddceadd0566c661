"""The formats that sources speak, by the name that stands on their row as `signing_scheme`.

A format is one module: it checks its system's own signature on the bytes, and reads its system's
own messages into canonical events. The product's own format needs no reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciliation.sources import (
    hubspot,
    shopify,
    standard_webhooks,
    stripe,
    woocommerce,
    xero,
)
from reconciliation.sources.fields import Fields
from reconciliation.sources.native import Post, Reading

STANDARD = "standard-webhooks"
# Headers that say what kind of message a body is, which the body alone does not.
TOPIC_HEADERS = ("x-shopify-topic", "x-wc-webhook-topic")


class Adapter(Protocol):
    """What a module for one system has."""

    def verify(self, post: Post, *, keys: Sequence[bytes], now: int) -> None:
        """Raise BadSignature, and never anything else, unless one of the keys has signed this."""

    def split(self, body: object) -> list[object]:
        """Take what was posted apart into messages, each of which could have been posted alone."""

    def kind(self, message: Fields, headers: Mapping[str, str]) -> str:
        """Name the kind of message as the system does."""

    def read(self, message: Fields, headers: Mapping[str, str]) -> Reading:
        """Give what one message comes to; what is wrong with it is noted in its fields."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One way to sign and write messages; without `adapter` it is the product's own."""

    name: str
    label: str
    adapter: Adapter | None = None
    is_secret_ours: bool = False  # we make the secret and give it to the sender, or the reverse
    is_answered_blank: bool = False  # the sender takes nothing but 200 without a body
    kind: str = ""  # of the source, unless it is said otherwise
    truth: tuple[str, ...] = ()  # the types it is believed for, likewise

    def verify(self, post: Post, *, keys: Sequence[bytes], now: int) -> None:
        """Check a post against every key. Raises BadSignature, never else."""
        if self.adapter is not None:
            self.adapter.verify(post, keys=keys, now=now)
            return
        standard_webhooks.verify(headers=post.headers, body=post.body, keys=keys, now=now)


_PAYMENTS = (
    "payment.authorised", "payment.captured", "payment.failed", "payment.refunded",
    "payment.disputed", "payout.", "settlement.",
)  # fmt: skip
_SHOP = ("order.", "fulfilment.", "return.")
_ALL = (
    Format(name=STANDARD, label="CloudEvents, Standard Webhooks", is_secret_ours=True),
    Format(name="stripe", label="Stripe", adapter=stripe, kind="payments", truth=_PAYMENTS),
    Format(name="shopify", label="Shopify", adapter=shopify, kind="shop", truth=_SHOP),
    Format(name="hubspot", label="HubSpot", adapter=hubspot, kind="crm"),
    Format(
        name="xero",
        label="Xero",
        adapter=xero,
        is_answered_blank=True,
        kind="billing",
        truth=("invoice.", "credit_note.", "payment.posted", "payment.unposted"),
    ),
    Format(name="woocommerce", label="WooCommerce", adapter=woocommerce, kind="shop", truth=_SHOP),
)
FORMATS: Mapping[str, Format] = {each.name: each for each in _ALL}


def format_of(signing_scheme: str) -> Format:
    """Give the format of a source; a row that names none that there is has the product's own."""
    return FORMATS.get(signing_scheme, FORMATS[STANDARD])
