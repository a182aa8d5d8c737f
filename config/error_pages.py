"""Pages for what is refused and what is not there, which give their database connection back.

Under ASGI, Django renders an error page in a thread of the event loop's pool, outside the request: nothing closes what
the page opened to show who is signed in, and each such thread would keep one of the pool's connections.
"""

from collections.abc import Callable

from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

_Page = Callable[[HttpRequest, Exception], HttpResponseBase]


def _returning_connections(page: _Page) -> _Page:
    def render(request: HttpRequest, exception: Exception) -> HttpResponseBase:
        try:
            return page(request, exception)
        finally:
            for connection in connections.all(initialized_only=True):
                if not connection.in_atomic_block:  # as it is in tests, where it is the test's
                    connection.close_if_unusable_or_obsolete()

    return render


forbidden = _returning_connections(defaults.permission_denied)
not_found = _returning_connections(defaults.page_not_found)
