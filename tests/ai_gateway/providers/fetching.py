"""A fetcher of images on a small internet of the tests."""

import asyncio

import pytest

from ai_gateway.providers.image_fetching import ImageFetcher, ImageRefused

HOST = "pictures.example"
CAT = f"https://{HOST}/cat"
LARGE = 50_000_000


def fetch(internet, *urls, allows_http=False, seconds=10.0, total_bytes=LARGE):
    """Fetch images; returns them by address."""

    async def main():
        fetcher = ImageFetcher(internet, allows_http=allows_http)
        try:
            return await fetcher.fetch(urls, owner=1, seconds=seconds, total_bytes=total_bytes)
        finally:
            fetcher.close()

    return asyncio.run(main())


def refusal(internet, *urls, **options) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        fetch(internet, *urls, **options)
    return refused.value
