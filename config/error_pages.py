"""Error pages that give their database connection back.

Under ASGI Django renders them in threads of the event loop, where the end of the request does not close connections.
Each such thread would keep one of the pool for good.
"""

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.views import defaults


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the page of a refusal."""
    try:
        return defaults.permission_denied(request, exception)
    finally:
        close_old_connections()


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the page of an address that does not exist, or not for whoever asks."""
    try:
        return defaults.page_not_found(request, exception)
    finally:
        close_old_connections()
