"""The record of a request, in the log of its web process."""

import logging
from json.encoder import encode_basestring

from starlette.types import Scope

from sooner.process.logs.records import quoted, records


def note(scope: Scope, route: str | None, status: int, seconds: float) -> None:
    """Record an answered request; status 0: the client went away before its answer.

    `route` is the pattern of the path, None where no route takes it. The query is left out: its `access` is as good as a key.
    """
    if not records.takes(logging.INFO):
        return
    state, method = scope["state"], scope["method"]
    tenant, request_id, ms = state.get("tenant"), state["request_id"], seconds * 1000
    if records.is_json:
        record = (
            f'"event":"request","method":{quoted(method)},"route":{quoted(route)},"status":{status or "null"},"ms":{ms:.2f},'
            f'"request_id":{encode_basestring(request_id)},"tenant":{quoted(tenant)}'
        )
    else:
        who = "" if tenant is None else f" {tenant}"
        record = f"{method} {route or '(no route)'} {status or 'went away'} {ms:.0f} ms{who} request_id={request_id}"
    records.add(logging.INFO, record)
