"""The three answers, validated as the settings are, with the same sentences."""

from dataclasses import dataclass, field

from pydantic import ValidationError

from app.settings import Realtime

_FITTING = {
    "endpoint": "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/0/eventmanagement/",
    "token": "token",
    "origin": "https://portal.example.com",
}
"""Answers that are right, so that a single one can be looked at."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What Dynamics shows under Event management > Web applications.

    Attributes:
        endpoint: The endpoint, in the form of the settings.
        token: The token, as it is.
        origin: The registered origin, in the form of the settings.
    """

    endpoint: str
    token: str = field(repr=False)
    origin: str


def read_answer(name: str, value: str) -> str:
    """An answer in the form of the settings.

    Args:
        name: ``endpoint``, ``token`` or ``origin``.
        value: As it was given.

    Raises:
        ValueError: In words, what is wrong and what to do.
    """
    try:
        realtime = Realtime.model_validate({**_FITTING, name: value})
    except ValidationError as invalid:
        words = [str(error["msg"]).removeprefix("Value error, ") for error in invalid.errors(include_input=False)]
        raise ValueError("\n".join(words)) from None
    return realtime.token.get_secret_value() if name == "token" else str(getattr(realtime, name))
