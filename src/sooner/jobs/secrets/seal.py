"""Sealing: the table holds secret parameters encrypted, so that only the worker that runs the job can read them.

A libsodium sealed box (X25519, XSalsa20-Poly1305; https://doc.libsodium.org/public-key_cryptography/sealed_boxes)
takes the public key alone. The sealed text begins with tenant, job, actor and place, so that a ciphertext that was moved
to another of these does not open. PyNaCl is imported where it is used: a scheduler never loads it.
"""

import base64
import hmac
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sooner.jobs.failure import Failure
from sooner.jobs.problem import ServiceUnavailable
from sooner.jobs.secrets import secret

#: The prefix of every sealed text: another layout gets another name.
LAYOUT = b"sooner secret 1"

#: The Retry-After of a service without its key: a person has to set it.
KEY_RETRY_SECONDS = 60


class NotOpenable(Failure):
    """This worker cannot open the secret."""

    def __init__(self, detail: str) -> None:
        title = "A secret parameter could not be opened"
        super().__init__(detail, type="secret-not-openable", title=title)


@dataclass(frozen=True, slots=True)
class Owner:
    """The tenant, job and actor that a secret belongs to."""

    tenant: str | None
    job: UUID
    actor: str

    def context(self, pointer: str) -> bytes:
        """The bytes that bind a secret to its owner and place; each part is preceded by its length."""
        tenant = b"" if self.tenant is None else b"=" + self.tenant.encode()
        parts = (LAYOUT, tenant, self.job.bytes, self.actor.encode(), pointer.encode())
        return b"".join(struct.pack(">I", len(part)) + part for part in parts)


class Sealer:
    """Seals with SECRETS_PUBLIC_KEY (base64); without a key it refuses parameters that hold a secret."""

    def __init__(self, public_key: str | None) -> None:
        self._key = public_key

    def seal(
        self, params: Mapping[str, Any], paths: Sequence[secret.Path], owner: Owner
    ) -> tuple[Mapping[str, Any], str]:
        """The parameters without their secrets, and the ciphertexts by JSON pointer, as JSON.

        Raises ServiceUnavailable without a key.
        """
        if self._key is None:
            detail = "This deployment takes no secret parameters: its SECRETS_PUBLIC_KEY is not set."
            raise ServiceUnavailable(detail, retry_after=KEY_RETRY_SECONDS)
        from nacl.public import PublicKey, SealedBox

        box, sealed = SealedBox(PublicKey(base64.b64decode(self._key))), {}
        for path in paths:
            pointer = secret.pointer(path)
            clear = json.dumps(secret.get(params, path)).encode()
            sealed[pointer] = base64.b64encode(box.encrypt(owner.context(pointer) + clear)).decode()
        for path in paths:
            params = secret.put(params, path, secret.MARK)
        return params, json.dumps(sealed)


class Opener:
    """Opens with each of the keys of SECRETS_PRIVATE_KEY (base64) in turn."""

    def __init__(self, private_keys: Sequence[str]) -> None:
        self._keys = private_keys

    def open(self, sealed: str, owner: Owner) -> dict[str, Any]:
        """The values by JSON pointer. Raises NotOpenable."""
        if not self._keys:
            raise NotOpenable("This worker has no SECRETS_PRIVATE_KEY.")
        return {pointer: self._open(text, owner, pointer) for pointer, text in json.loads(sealed).items()}

    def _open(self, text: str, owner: Owner, pointer: str) -> Any:
        clear, context = self._decrypt(text, pointer), owner.context(pointer)
        if not hmac.compare_digest(clear[: len(context)], context):
            raise NotOpenable(f"The secret at {pointer} was sealed for another job.")
        return json.loads(clear[len(context) :])

    def _decrypt(self, text: str, pointer: str) -> bytes:
        from nacl.exceptions import CryptoError
        from nacl.public import PrivateKey, SealedBox

        for key in self._keys:
            try:
                return SealedBox(PrivateKey(base64.b64decode(key))).decrypt(base64.b64decode(text))
            except (CryptoError, ValueError):
                continue
        raise NotOpenable(f"No SECRETS_PRIVATE_KEY of this worker opens the secret at {pointer}.")


def public_key(private_key: str) -> str:
    """The public key of a private key, both in base64."""
    from nacl.public import PrivateKey

    return base64.b64encode(bytes(PrivateKey(base64.b64decode(private_key)).public_key)).decode()


def pair() -> tuple[str, str]:
    """A new public and private key, each 32 bytes in base64."""
    from nacl.public import PrivateKey

    key = PrivateKey.generate()
    return base64.b64encode(bytes(key.public_key)).decode(), base64.b64encode(bytes(key)).decode()
