"""Pages for what is refused and what is not there, which give their database connection back.

Under ASGI, Django renders an error page in a thread of the event loop's pool, outside the request: nothing closes what
the page opened to show who is signed in, and each such thread would keep one of the pool's connections.
"""

from collections.abc import Callable

from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
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


class WrongMethodPage:
    """Middleware that says in words what Django answers with an empty page: the address only takes forms.

    People get there by sending a form whose page they then load again by its address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Put a page into an empty refusal."""
        response = self._get_response(request)
        if response.status_code != 405 or response.content:
            return response
        page = render(request, "405.html", status=405)
        page.headers["Allow"] = response.headers["Allow"]
        return page
