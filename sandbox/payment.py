"""The pages that a payment provider would serve: pay, and the end of a check-in."""

from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qs

from sandbox.registrations import Desk, Purchase
from sandbox.wire import Answer, Request, html_answer

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1>
{body}
</main></body></html>
"""


def page(title: str, body: str, status: int = 200) -> Answer:
    """Return a small page; `title` and `body` are HTML already."""
    return html_answer(_PAGE.format(title=title, body=body), status)


class PaymentPages:
    """`GET /pay?purchaseId=...` asks for the money, `POST /pay` completes the purchase and leads to its return address.

    Only the return address that was stored with the purchase counts, so that the page redirects nowhere else.
    """

    def __init__(self, desks: Sequence[Desk]) -> None:
        self._desks = desks

    def serve(self, request: Request) -> Answer | None:
        """Answer `/pay` and `/checked-in`; None for other paths."""
        if request.path == "/checked-in":
            return page("Checked in", "<p>Welcome to the event.</p>")
        if request.path != "/pay":
            return None
        form = parse_qs(request.body.decode("utf-8", "replace")) if request.method == "POST" else {}
        wanted = form.get("purchaseId", [request.query.get("purchaseId", "")])[0]
        for desk in self._desks:
            with desk.organisation.lock:
                purchase = desk.purchases.get(wanted)
                if purchase is not None:
                    return self._serve(request, desk, purchase)
        return page("Unknown purchase", "<p>There is no such purchase.</p>", 404)

    @staticmethod
    def _serve(request: Request, desk: Desk, purchase: Purchase) -> Answer:
        back = escape(purchase.return_url)
        if request.method == "POST":
            desk.pay(purchase, desk.organisation.behaviour.processing_delay)
            return Answer(303, headers=(("Location", purchase.return_url),))
        if purchase.paid:
            return page("Paid", f'<p>This purchase is paid. <a id="return" href="{back}">Back</a></p>')
        button = f'<button id="pay" name="purchaseId" value="{purchase.purchase_id}">Pay {purchase.price:.2f} €</button>'
        return page("Payment", f'<form method="post" action="/pay">{button}</form><p>Then on to {back}</p>')
