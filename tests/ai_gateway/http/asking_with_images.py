"""Requests that name images by their address, in each format, and who sends them."""

import base64

from tests.ai_gateway.http.conftest import PICTURES_HOST, make_key, subscribe
from tests.ai_gateway.small_internet import picture
from tests.tokens.ledger import new_company

CAT, DOG = f"https://{PICTURES_HOST}/cat", f"https://{PICTURES_HOST}/dog"
SANDBOX, CLAUDE = "sandbox-rules-1", "claude-haiku-5-5"


def data_of(kind="PNG", size=(640, 480)):
    return base64.b64encode(picture(kind, size)).decode()


def chat(*urls, model=SANDBOX, **options):
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": model,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, *parts]}],
        **options,
    }


def message(*urls, model=CLAUDE, **options):
    blocks = [{"type": "image", "source": {"type": "url", "url": url}} for url in urls]
    turns = [{"role": "user", "content": [*blocks, {"type": "text", "text": "What?"}]}]
    return {"model": model, "max_tokens": 100, "messages": turns, **options}


def responses(*urls, model=SANDBOX, **options):
    parts = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in urls]
    turns = [{"role": "user", "content": [*parts, {"type": "input_text", "text": "What?"}]}]
    return {"model": model, "input": turns, "max_output_tokens": 100, **options}


PATHS = {chat: "/v1/chat/completions", message: "/v1/messages", responses: "/v1/responses"}
WAYS = [(chat, SANDBOX), (chat, CLAUDE), (message, CLAUDE), (message, f"sandbox/{SANDBOX}"), (responses, SANDBOX)]


def bearer_with(tokens):
    """Return the header of a company that has so many tokens."""
    company = subscribe(new_company(tokens=tokens, slug=f"has-{tokens}"))
    return {"Authorization": f"Bearer {make_key(company)[1]}"}
