"""Images that a request names by their address: fetched, and put into it before it is estimated or sent."""

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog
from django.conf import settings

from ai_gateway.effects import PlannedCall
from ai_gateway.errors import AccessRefused, CallUnderWay
from ai_gateway.http.affording import require_room
from ai_gateway.http.gateway import Gateway
from ai_gateway.http.requests import LARGEST_BODY_BYTES
from ai_gateway.providers.content import as_base64
from ai_gateway.providers.image_fetching import FetchedImage, ImageRefused
from ai_gateway.wire.refusals import input_field
from ai_gateway.wire.types import Asked, RequestRefused
from tokens.models import Hold, HoldState
from tokens.selectors.answers import find_hold_of_key

logger = structlog.get_logger(__name__)

_OFF = "Send images in base64 (a data: URL, or a base64 source): this server fetches none from their addresses."
_SMALLEST = as_base64(b"GIF89a\1\0\1\0")  # of one pixel, as far as anybody here looks at it


async def put_in_images(
    gateway: Gateway,
    asked: Asked,
    body_bytes: int,
    *,
    company_id: int,
    key: str | None = None,
    plan: Callable[[], PlannedCall] | None = None,
) -> None:
    """Put the images into ``asked.body``: to be called when nothing else is left to refuse but by the hold.

    ``plan`` plans the call with the body as it is then; without it, nothing is to be paid. ``key`` is the ledger's name
    of an idempotency key. A repeat of a call that was settled is answered from the store, so its images are not
    fetched: they may be gone. One of a call under way need not be paid for again.

    Raises:
        AccessRefused: tokens or a budget do not allow the call, however small the images are.
        CallUnderWay: an image cannot be had any more, or paid for, but the call is made just now under the same key.
        RequestRefused: an image cannot be had, or may not; or what ``plan`` raises.
    """
    hold = await _find_hold(gateway, company_id, key)
    if hold is not None and hold.state == HoldState.SETTLED:
        for place in asked.image_urls:
            place.put("image/png", "")  # only the hold looks at the request now, and it knows the key
        return
    if not settings.API_IMAGE_URLS:
        raise _refused(asked, "not_allowed", _OFF)
    try:
        if plan is not None and (hold is None or hold.state != HoldState.OPEN):
            for place in asked.image_urls:
                place.put("image/gif", _SMALLEST)
            await require_room(gateway, plan())
        await _fetch(gateway, asked, company_id, (LARGEST_BODY_BYTES - body_bytes) * 3 // 4)
    except (AccessRefused, RequestRefused):
        hold = await _find_hold(gateway, company_id, key)
        if hold is not None and hold.state == HoldState.OPEN:
            raise CallUnderWay(hold.pk) from None
        raise


async def _fetch(gateway: Gateway, asked: Asked, company_id: int, total_bytes: int) -> None:
    started = time.monotonic()
    urls = [place.url for place in asked.image_urls]
    try:
        images = await gateway.images.fetch(
            urls, owner=company_id, seconds=settings.API_IMAGE_SECONDS, total_bytes=total_bytes
        )
    except ImageRefused as refusal:
        logger.info("image_not_fetched", reason=refusal.reason)
        raise _refused(asked, refusal.reason, refusal.message) from None
    size_bytes = sum(len(image.data) for image in images.values())
    logger.info("images_fetched", images=len(images), size_bytes=size_bytes, seconds=time.monotonic() - started)
    await asyncio.to_thread(_put, asked, images)  # megabytes of base64 would hold up everybody


def _put(asked: Asked, images: Mapping[str, FetchedImage]) -> None:
    written = {url: as_base64(image.data) for url, image in images.items()}
    for place in asked.image_urls:
        place.put(images[place.url].media_type, written[place.url])


def _refused(asked: Asked, reason: str, message: str) -> RequestRefused:
    return RequestRefused(f"image_url_{reason}", message, input_field(asked.format))


async def _find_hold(gateway: Gateway, company_id: int, key: str | None) -> Hold | None:
    if key is None:
        return None
    return await gateway.reads.run(lambda: find_hold_of_key(company_id, key))
