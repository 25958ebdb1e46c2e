"""What the tests of the outbox share: registrations, a key, a store."""

import json
from typing import Any

from cryptography.fernet import Fernet

from app.outbox.sealing import Digests, Letter, Sealing
from app.outbox.store import Put, Store

KEY = Fernet.generate_key().decode()
SEALING = Sealing([KEY])
EVENT = "Contoso_Open_Day"
ROOM = 100, 10**6


def body(email: str = "nia@example.com", **more: Any) -> bytes:
    person = {"firstName": "Nia", "lastName": "Madeup", "email": email, "passId": "", **more}
    return json.dumps({"attendees": [person]}).encode()


def digests(email: str = "nia@example.com", event: str = EVENT, **more: Any) -> Digests:
    return SEALING.digests(event, body(email, **more))


def sealed(email: str = "nia@example.com", event: str = EVENT, **more: Any) -> bytes:
    return SEALING.seal(Letter(event, body(email, **more), "request-1"))


def put(store: Store, email: str = "nia@example.com", event: str = EVENT, **more: Any) -> int:
    what, number = store.put(event, digests(email, event, **more), sealed(email, event, **more), ROOM)
    assert what is Put.STORED
    return number
