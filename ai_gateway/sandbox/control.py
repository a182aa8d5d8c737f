"""The sandbox's own endpoints: faults to queue, requests to look at."""

from ai_gateway.sandbox.exchange import Sandbox, read_json_object
from ai_gateway.sandbox.faults import BadFault, read_faults
from ai_gateway.sandbox.http import Connection
from ai_gateway.sandbox.wire.errors import ApiError

PREFIX = "/sandbox/"


async def serve_control(sandbox: Sandbox, connection: Connection, key: str, body: bytes) -> None:
    """Answer a request under ``/sandbox/``; what it sees and changes belongs to the key alone."""
    route = (connection.method, connection.path)
    if route == ("POST", "/sandbox/faults"):
        await _add_faults(sandbox, connection, key, body)
    elif route == ("DELETE", "/sandbox/faults"):
        sandbox.faults.clear(key)
        await connection.send_json(200, {"queued": 0}, {})
    elif route == ("GET", "/sandbox/requests"):
        await connection.send_json(200, {"requests": sandbox.journal.list_entries(key)}, {})
    else:
        await connection.send_json(404, {"error": f"{connection.method} {connection.path} is not known"}, {})


async def _add_faults(sandbox: Sandbox, connection: Connection, key: str, body: bytes) -> None:
    try:
        faults = read_faults(read_json_object(body))
    except (BadFault, ApiError, TypeError, ValueError) as problem:
        await connection.send_json(400, {"error": str(problem)}, {})
        return
    await connection.send_json(200, {"queued": sandbox.faults.add(key, faults)}, {})
