"""What a person may give as the proxy's address, and what is told when it cannot be used."""

import pytest

from app.repointing.target import read_target

URL = "https://proxy.example.com/EvtMgmt/api/v2.0/"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://proxy.example.com", URL),
        (" 'https://Proxy.Example.com/' ", URL),
        (URL, URL),
        (URL.rstrip("/"), URL),
        ("https://proxy.example.com:8443", "https://proxy.example.com:8443/EvtMgmt/api/v2.0/"),
        ("https://www.example.com/events/evtmgmt/API/v2.0", "https://www.example.com/events/evtmgmt/API/v2.0/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/EvtMgmt/api/v2.0/"),
        ("http://[::1]:8080", "http://[::1]:8080/EvtMgmt/api/v2.0/"),
    ],
)
def test_an_address_is_completed(given: str, url: str) -> None:
    assert read_target(given).url == url


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("proxy.example.com", "must start with https://"),
        ("http://proxy.example.com", "must use https"),
        ("https://proxy.example.com/api/v2.0/", "must end in /EvtMgmt/api/v2.0/"),
        ("https://proxy.example.com/EvtMgmt/api/v1.0/", "must end in /EvtMgmt/api/v2.0/"),
        ("https://proxy.example.com/?x=1", "no user name, query or fragment"),
        ("https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/", "the old organisation itself"),
        ("https://contoso.svc-tip.dynamics.com", "the old organisation itself"),
        ("https://", "is not an address"),
    ],
)
def test_what_cannot_be_used_is_told(given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        read_target(given)
