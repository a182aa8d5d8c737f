"""What no caller may ask for: the provider's account is shared between companies, and all that costs is metered.

State on the account could be read by another company that learns its id; a hosted tool, a stored file or another price
than the price book's would cost what no hold covers.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ai_gateway.wire.fields import Fields
from ai_gateway.wire.inputs import Input
from ai_gateway.wire.types import FormatName, RequestRefused

NOT_SHARED = "not_on_shared_account"
_NOT_METERED = "tool_not_metered"

# Each refers to something that is kept on the account.
_STATE: Mapping[FormatName, Collection[str]] = {
    "chat": (),
    "responses": ("previous_response_id", "conversation", "prompt"),
    "messages": ("container", "diagnostics", "user_profile_id", "workspace_id"),
    "embeddings": (),
}
# Each makes the provider work or charge in a way that no usage object bounds.
_UNMETERED: Mapping[FormatName, Collection[str]] = {
    "chat": ("web_search_options",),
    "responses": ("context_management",),
    "messages": ("mcp_servers", "context_management"),
    "embeddings": (),
}
_TIERS: Mapping[FormatName, Collection[str]] = {
    "chat": ("auto", "default", "flex", "priority"),
    "responses": ("auto", "default", "flex", "priority"),
    "messages": ("auto", "standard_only"),
    "embeddings": (),
}
# Tools that the caller runs.
_OPENAI_TOOLS = ("function", "custom", "local_shell", "apply_patch")
_ANTHROPIC_TOOLS = ("bash_", "text_editor_", "memory_")


def refuse_state(fields: Fields, format_name: FormatName) -> None:
    """Refuse what is kept on the account, or runs there by itself."""
    for name in ("store", "background"):
        if fields.find(name, bool):
            raise fields.refuse(NOT_SHARED, name, "is not available: the provider's account is shared. Leave it out")
    for name in _STATE[format_name]:
        if fields.body.get(name) is not None:
            reason = (
                "is not available: it refers to data on the provider's account, which is shared. Send the data itself"
            )
            raise fields.refuse(NOT_SHARED, name, reason)


def refuse_unmetered(fields: Fields, format_name: FormatName) -> None:
    """Refuse what cannot be metered: hosted tools, sound as an answer, other prices than the standard ones."""
    for name in _UNMETERED[format_name]:
        if fields.body.get(name):
            raise fields.refuse(_NOT_METERED, name, "is not available: what it costs cannot be metered")
    if fields.body.get("audio") or "audio" in (fields.find("modalities", list) or []):
        raise fields.refuse("audio_not_available", "modalities", "must be text: an answer in sound cannot be bounded")
    tier = fields.find("service_tier", str)
    if tier is not None and tier not in _TIERS[format_name]:
        allowed = ", ".join(_TIERS[format_name]) or "left out"
        raise fields.refuse("service_tier_not_available", "service_tier", f"must be {allowed}")
    if format_name == "messages":
        _refuse_other_prices(fields)


def refuse_hosted_tools(tools: Collection[Mapping[str, Any]], fields: Fields, format_name: FormatName) -> None:
    """Refuse tools that the provider runs."""
    for tool in tools:
        kind = tool.get("type")
        if format_name == "messages":
            allowed = kind in (None, "custom") or (isinstance(kind, str) and kind.startswith(_ANTHROPIC_TOOLS))
        elif kind == "namespace":
            refuse_hosted_tools(Fields(tool, format_name).find_objects("tools"), fields, format_name)
            allowed = True
        else:
            allowed = kind in _OPENAI_TOOLS
        if not allowed:
            reason = f"of the type {kind!r} is not available: only tools that you run yourself can be metered"
            raise fields.refuse(_NOT_METERED, "tools", reason)


def refuse_foreign_data(found: Input, format_name: FormatName) -> None:
    """Refuse input that only the provider could look up or fetch, and files whose tokens cannot be bounded."""
    name = input_field(format_name)
    if found.file_urls:
        message = "Files must be sent in base64: the gateway fetches images only."
        raise RequestRefused("file_url_not_allowed", message, name)
    if found.stored:
        message = "Ids of stored data are not available: the provider's account is shared. Send the data itself."
        raise RequestRefused(NOT_SHARED, message, found.stored[0])
    if found.unreadable:
        message = f"Only images, PDFs and plain texts in base64 can be metered, not: {found.unreadable[0]}."
        raise RequestRefused("file_type_not_allowed", message, name)


def input_field(format_name: FormatName) -> str:
    """Return the field that an error of the input is about."""
    return {"responses": "input", "embeddings": "input"}.get(format_name, "messages")


def _refuse_other_prices(fields: Fields) -> None:
    if fields.body.get("speed") not in (None, "standard"):
        raise fields.refuse("service_tier_not_available", "speed", "must be standard")
    if fields.body.get("inference_geo") is not None:
        raise fields.refuse("service_tier_not_available", "inference_geo", "is not available: its price is not metered")
