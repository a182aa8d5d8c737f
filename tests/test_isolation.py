"""Requirement C6: nothing but ``ai_gateway/providers/`` can reach an AI provider, so nothing is unmetered.

Read from the syntax trees of every Python file in the tree: whoever adds one adds it to this test.
"""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GATE = "ai_gateway/providers/"
# What speaks to AI providers, and what speaks HTTP. A dot names one module of a package.
CLIENTS = (  # noqa: SIM905 (a list of 36 lines reads worse)
    "aiohttp anthropic boto3 botocore cohere google.genai google.generativeai groq grpc http.client httpcore httpcore2 "
    "httplib2 httpx httpx2 langchain langchain_anthropic langchain_openai litellm llama_cpp mistralai niquests ollama "
    "openai pycurl pydantic_ai requests tornado.httpclient treq urllib.request urllib3 websocket websockets xllamacpp "
    "xmlrpc.client"
).split()
# Modules that speak HTTP for another reason, and what each may import. Delivery (webhooks) will be named here.
ALLOWED = {
    # Asks the web server and the sandbox that it started on this machine whether they are ready.
    "config/embedded/application.py": {"urllib.request.urlopen"},
    # Serves a model over HTTP; what it answers is asked for through the gateway.
    "ai_gateway/local_model.py": {"xllamacpp", "xllamacpp.CommonParams", "xllamacpp.Server"},
    # The proxy without any accounting that the gateway is measured against; it asks the benchmark's own upstream.
    "benchmarks/http_bare.py": {"aiohttp", "aiohttp.ClientSession", "aiohttp.TCPConnector"},
}
# Modules that construct a client: only the gateway itself may hold one.
REACHING = (  # noqa: SIM905
    "adapter anthropic_messages compatible connections image_fetching internet openai_chat openai_media openai_responses "
    "openai_sdk registry transport upstream"
).split()
IMPORTERS = {"__import__", "find_spec", "import_module", "import_string", "resolve_name", "run_module"}
NOT_OURS = {"node_modules", "tests", "__pycache__"}


def list_sources() -> list[str]:
    """Return every Python file of the product, scripts without a suffix included, as paths within the tree."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and (not name.startswith(".") or name == ".ci")]
        found += [Path(folder, name) for name in names if is_python(Path(folder, name))]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def is_python(path: Path) -> bool:
    if path.suffix:
        return path.suffix in {".py", ".pyw"}
    with path.open("rb") as file:
        first_line = file.readline(200)
    return first_line.startswith(b"#!") and b"python" in first_line


def list_imports(source: str) -> Iterator[str]:
    """Yield the dotted name of everything that ``source`` imports: by statement, by a string, or by attribute."""
    nodes = list(ast.walk(ast.parse(source)))
    importers = IMPORTERS | set(list_renamed_importers(nodes))
    packages = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Attribute(value=ast.Name(id=package), attr=module) if package in packages:
                yield f"{package}.{module}"
            case ast.Call(func=ast.Name(id="exec" | "eval" | "compile")):
                yield from (name for text in list_texts(node) if is_code(text) for name in list_imports(text))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in importers:
                yield from (text.replace(":", ".") for text in list_texts(node))


def list_renamed_importers(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname and alias.name in IMPORTERS)


def list_texts(call: ast.Call) -> Iterator[str]:
    for value in [*call.args, *(word.value for word in call.keywords)]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def is_code(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def find_clients(source: str) -> list[str]:
    """Return what ``source`` imports that could reach a provider."""
    return [name for name in list_imports(source) if any(f"{name}.".startswith(f"{client}.") for client in CLIENTS)]


def find_reaching(source: str) -> list[str]:
    """Return what ``source`` imports of the modules that construct a provider's client."""
    gates = [f"{GATE.replace('/', '.')}{module}." for module in REACHING]
    return [name for name in list_imports(source) if any(f"{name}.".startswith(gate) for gate in gates)]


def test_the_whole_product_is_read():
    sources = list_sources()
    assert {"config/settings.py", "ai_gateway/calls.py", "ai_gateway/providers/openai_chat.py"} <= set(sources)
    assert not [path for path in sources if path.startswith(("tests/", ".venv/"))]


def test_only_the_providers_package_imports_a_client():
    outside = [path for path in list_sources() if not path.startswith(GATE)]
    found = {path: set(find_clients((ROOT / path).read_text())) - ALLOWED.get(path, set()) for path in outside}
    assert {path: clients for path, clients in found.items() if clients} == {}


def test_only_the_gateway_imports_what_constructs_a_client():
    outside = [path for path in list_sources() if not path.startswith("ai_gateway/")]
    assert {path: found for path in outside if (found := find_reaching((ROOT / path).read_text()))} == {}


def test_the_providers_package_would_be_an_offender_anywhere_else():
    sources = [(ROOT / path).read_text() for path in list_sources() if path.startswith(GATE)]
    assert {"openai", "anthropic", "httpx2"} <= {name for source in sources for name in find_clients(source)}


@pytest.mark.parametrize(
    "offence",
    [
        "import openai",
        "import os, anthropic as a",
        "import httpx2._client",
        "from openai import OpenAI",
        "from openai.types import chat",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import urllib.request",
        "from http import client as c",
        "import http.client",
        "import urllib\nurllib.request.urlopen(url)",
        "def later():\n    import requests",
        "if TYPE_CHECKING:\n    import aiohttp",
        "import importlib\nimportlib.import_module('openai')",
        "import importlib\nimportlib.import_module(name='httpx')",
        "from importlib import import_module\nimport_module('openai.types')",
        "from importlib import import_module as load\nload('openai')",
        "__import__('anthropic')",
        "import builtins\nbuiltins.__import__('anthropic')",
        "from django.utils.module_loading import import_string\nimport_string('openai.OpenAI')",
        "import pkgutil\npkgutil.resolve_name('openai:OpenAI')",
        "exec('import openai')",
        "eval(\"__import__('openai')\")",
    ],
)
def test_an_offender_is_caught(offence):
    assert find_clients(offence) != []


@pytest.mark.parametrize(
    "innocent",
    [
        "import urllib.parse",
        "from urllib import parse",
        "from http import HTTPStatus",
        "import openai_like_names",
        "from ai_gateway.providers.openai_chat import OpenAIChat",
        "from . import openai",
        "log('openai')",
        "re.compile('import openai')",
        "exec('this is no code')",
        "PROVIDERS = {'openai': 1}",
    ],
)
def test_an_innocent_is_not(innocent):
    assert find_clients(innocent) == []


@pytest.mark.parametrize(
    "offence",
    [
        "from ai_gateway.providers.registry import get_provider",
        "from ai_gateway.providers import openai_chat",
        "import ai_gateway.providers.transport",
        "__import__('ai_gateway.providers.compatible')",
    ],
)
def test_a_way_around_the_gateway_is_caught(offence):
    assert find_reaching(offence) != []


def test_types_and_errors_of_providers_may_be_imported():
    assert find_reaching("from ai_gateway.providers.types import Usage") == []
