"""Operations without a counterpart: answered with a sentence, and not sent upstream (CONTRACT 2)."""

from app.calls import Call, Reply
from translation.errors import ProxyError


async def refuse(call: Call) -> Reply:
    """Refuse a call with the error that its operation names.

    Raises:
        ProxyError: Always.
    """
    assert call.operation.refusal is not None  # noqa: S101 - a test over the table proves it
    raise ProxyError(call.operation.refusal)
