"""What the groups of settings have in common."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from app.addresses import origin_of

Seconds = Annotated[float, Field(gt=0, le=3_600)]
Bytes = Annotated[int, Field(ge=1_024, le=2**31)]


def read_words(value: Any) -> Any:
    """A list given as JSON, or parted by commas."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                raise ValueError('must be a JSON list such as ["a", "b"], or words parted by commas') from None
        return [part.strip() for part in text.split(",") if part.strip()]
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_words)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(read_words)]


class Group(BaseModel):
    """What all groups have in common: unknown names are mistakes, and nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WebApplication(Group):
    """What Dynamics gives a web application, in both APIs."""

    endpoint: str
    token: SecretStr
    origin: str

    @field_validator("token")
    @classmethod
    def _token(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("the token is empty")
        return value

    @field_validator("origin")
    @classmethod
    def _registered(cls, value: str) -> str:
        return origin_of(value, "the origin")
