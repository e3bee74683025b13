"""A token as the Authorization header that servers want."""

import base64

from pydantic import SecretStr

#: GitHub's name for whoever has a token; GitLab, Gitea and others take any.
ANYBODY = "x-access-token"


def basic(token: SecretStr) -> str:
    """For git (RFC 7617): a `token` that has a colon is name and password."""
    text = token.get_secret_value()
    pair = text if ":" in text else f"{ANYBODY}:{text}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def bearer(token: SecretStr) -> str:
    """For archives (RFC 6750); name and password as for git."""
    return basic(token) if ":" in token.get_secret_value() else "Bearer " + token.get_secret_value()
