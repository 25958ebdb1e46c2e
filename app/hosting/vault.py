"""Secrets from Azure Key Vault: names such as ``EVTMGMT--REALTIME--TOKEN``, as a vault takes letters, digits and hyphens only."""

from collections.abc import Iterator
from hashlib import blake2b
from os import environ
from secrets import token_bytes
from typing import Any, Final

VAULT_URL: Final = "EVTMGMT_KEYVAULT_URL"
PREFIX: Final = "EVTMGMT--"
_KEY: Final = token_bytes(32)


class VaultError(Exception):
    """The vault cannot be read; the reason in words, without anything secret."""


def vault_name(secret: str) -> str:
    """The setting's name for a secret's name."""
    return "EVTMGMT_" + secret.upper().removeprefix(PREFIX).replace("--", "__").replace("-", "_")


def read_vault() -> dict[str, str]:
    """The enabled secrets of the vault that are ours, by the settings' names; none where no vault is named.

    Raises:
        VaultError: The extra is missing, or the vault refuses or does not answer.
    """
    address = environ.get(VAULT_URL)
    if not address:
        return {}
    if not address.startswith("https://"):
        raise VaultError("must be an address such as https://contoso.vault.azure.net/")
    try:
        from azure.core.exceptions import AzureError
    except ImportError:
        raise VaultError("needs the extra azure: install evtmgmt-proxy[azure]") from None
    try:
        return dict(_secrets(address))
    except AzureError as refused:
        # The message of the library may quote what the vault said.
        raise VaultError(f"the vault cannot be read: {type(refused).__name__}") from None


def _secrets(address: str) -> Iterator[tuple[str, str]]:
    client = open_client(address)
    try:
        for found in client.list_properties_of_secrets():
            name = str(found.name or "")
            if name.upper().startswith(PREFIX) and found.enabled:
                yield vault_name(name), str(client.get_secret(name).value or "")
    finally:
        client.close()


def open_client(address: str) -> Any:
    """The library's client, with the identity that the environment gives (managed identity, workload identity, variables)."""
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    return SecretClient(address, DefaultAzureCredential(), retry_total=2, connection_timeout=5, read_timeout=10)


def vault_hash() -> bytes:
    """A hash of what the vault holds, or of why it cannot be read."""
    try:
        text = repr(sorted(read_vault().items()))
    except VaultError as refused:
        text = str(refused)
    return blake2b(text.encode(), key=_KEY, digest_size=16).digest()
