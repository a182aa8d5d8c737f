"""``GET /v1/models``: the models that a key may use, in the shape of the SDK that asks."""

from typing import Any
from urllib.parse import unquote

import orjson

from ai_gateway.http.authentication import require_scope
from ai_gateway.http.catalog import Catalog
from ai_gateway.http.errors import Refusal
from ai_gateway.http.gateway import Gateway
from ai_gateway.http.requests import Request, Sender
from ai_gateway.http.responding import request_id_header, respond
from ai_gateway.wire.types import FormatName
from tenants.api_keys import KeyTerms
from tenants.models import KeyScope

PATH = "/v1/models"
# Providers know when they released a model; we do not.
_UNKNOWN_TIME = "1970-01-01T00:00:00Z"


async def serve_models(gateway: Gateway, request: Request, send: Sender, format_name: FormatName) -> None:
    """Answer with all models, or with the one that the path names; raises ``Refusal``."""
    key = await gateway.authenticator.authenticate(request)
    require_scope(key, KeyScope.MODELS)
    owners = list_models(await gateway.read_catalog(key.company_id), key)
    wanted = unquote(request.path.removeprefix(PATH).removeprefix("/"))
    if not wanted:
        content = _write_list([_write_model(name, owners[name], format_name) for name in owners], format_name)
    elif wanted in owners:
        content = _write_model(wanted, owners[wanted], format_name)
    else:
        raise Refusal(404, "model_not_found", f"There is no model '{wanted}' here.", "model")
    await respond(send, 200, orjson.dumps(content), request_id_header(format_name, request.id))


def list_models(catalog: Catalog, key: KeyTerms) -> dict[str, str]:
    """Return each model that a key may use and the first of the providers that run it, in the order of names."""
    owners: dict[str, str] = {}
    for provider, models in catalog.models.items():
        for model in models:
            if key.allows_model(model, f"{provider}/{model}"):
                owners.setdefault(model, provider)
    return dict(sorted(owners.items()))


def _write_model(name: str, provider: str, format_name: FormatName) -> dict[str, Any]:
    if format_name == "messages":
        return {"type": "model", "id": name, "display_name": name, "created_at": _UNKNOWN_TIME}
    return {"id": name, "object": "model", "created": 0, "owned_by": provider}


def _write_list(models: list[dict[str, Any]], format_name: FormatName) -> dict[str, Any]:
    if format_name != "messages":
        return {"object": "list", "data": models}
    ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]} if models else {"first_id": None, "last_id": None}
    return {"data": models, "has_more": False, **ends}
