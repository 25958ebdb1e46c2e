"""Operations without a counterpart: a sentence, and not a byte upstream."""

import pytest

from tests.examples import REFUSED, assert_error, example, named, received
from tests.service import Service
from translation.operations import Operation


@pytest.mark.parametrize("operation", REFUSED, ids=named)
def test_a_refused_operation_is_answered_in_words_and_sends_nothing_upstream(service: Service, operation: Operation) -> None:
    refusal = operation.refusal
    assert refusal is not None
    answer = example(operation.name, service).send(service, authorization="Bearer of-a-visitor")
    body = assert_error(answer, refusal.code, refusal.status)
    assert (body["title"], body["type"]) == (refusal.title, refusal.old_type)
    assert received(service) == []


@pytest.mark.parametrize("operation", [operation for operation in REFUSED if operation.method == "GET"], ids=named)
def test_head_is_refused_alike(service: Service, operation: Operation) -> None:
    answer = service.client.head(f"{service.url}/EvtMgmt/api/v2.0/{example(operation.name, service).path}")
    assert operation.refusal is not None
    assert (answer.status_code, answer.content) == (operation.refusal.status, b"")
    assert received(service) == []
