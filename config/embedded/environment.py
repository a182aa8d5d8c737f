"""Environment variables: those that people wrote down for Winnow, and those that we write down for its commands."""

from collections.abc import Mapping
from urllib.parse import quote

import environ

from config.embedded.data_folder import PROJECT, DataFolder, write_private


def read_dotenv() -> None:
    """Add the project's ``.env`` to our environment, where it does not say otherwise, as settings do."""
    environ.Env.read_env(PROJECT / ".env")


def web_environment(
    folder: DataFolder, *, web_port: int, sandbox_port: int, model_port: int | None = None
) -> dict[str, str]:
    """Return what a Winnow on this machine needs besides its services; with ``model_port``, AI is the local model."""
    local_model = {} if model_port is None else _local_model_environment(model_port)
    return {
        "WINNOW_DATA": str(folder.root),
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "PUBLIC_URL": f"http://127.0.0.1:{web_port}",
        "SANDBOX_ENABLED": "1",
        "SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}/v1",
        "EMAIL_URL": f"filemail:///{quote(str(folder.mail))}",  # nobody here to deliver to: look in the folder
        "LOG_JSON": "0",
        **local_model,
    }


def _local_model_environment(port: int) -> dict[str, str]:
    return {
        "AI_PROVIDER": "local",
        "LOCAL_MODEL_URL": f"http://127.0.0.1:{port}/v1",
        "AI_CALL_TIMEOUT_SECONDS": "300",  # it writes some 70 tokens a second, and has one or two processors
    }


def write_services_env(folder: DataFolder, environment: Mapping[str, str]) -> None:
    """Leave the addresses where settings of commands in other terminals look for them."""
    header = "# Where the running services are. Written when they start, removed when they stop.\n"
    lines = [f"{name}={value}\n" for name, value in sorted(environment.items())]
    write_private(folder.services_env, header + "".join(lines))
