"""Settings of the bridge: how browsers reach it, and which hosts a form may come from. docs/forms.md tells how to use them."""

from typing import Annotated, Final

from pydantic import AfterValidator

from app.addresses import base_address
from app.setting_types import Words
from translation.form_embed import host_pattern
from translation.operations import OLD_BASES

LOADER_HOSTS: Final = (
    "formui-*.mkt.dynamics.com",
    "cxppusa1formui01cdnsa01-endpoint.azureedge.net",
    "cxpiusa1formui01cdnsa01-endpoint.azureedge.net",
)
"""Where embeds were seen to load the form loader from. [guess]: Microsoft moves it now and then."""
FORM_HOSTS: Final = ("*.mkt.dynamics.com",)
"""Where embeds were seen to load forms from and send them to: ``assets-<geo>`` and ``public-<geo>``. [guess]"""


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    mistakes = []
    for host in value:
        try:
            host_pattern(host)
        except ValueError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return tuple(host.strip().lower() for host in value)


def public_url(value: str) -> str:
    """How browsers reach the proxy, without a slash at the end. The old base, pasted with it, is taken away.

    Raises:
        ValueError: In words, what is wrong.
    """
    address = base_address(value, "the public address").rstrip("/")
    for base in OLD_BASES:
        if address.lower().endswith(f"/{base}".lower()):
            return address[: -len(base) - 1]
    return address


Hosts = Annotated[Words, AfterValidator(_hosts)]
PublicUrl = Annotated[str, AfterValidator(public_url)] | None
