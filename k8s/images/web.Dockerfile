# The web process, beat and the migrations: no machine-learning library.
#   docker build -f k8s/images/web.Dockerfile -t kosha-web:0.1.0 .
# Not built yet.
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
COPY requirements/web.txt /requirements.txt
# The lock is complete, so pip resolves nothing.
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps -r /requirements.txt

FROM python:${PYTHON}
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app/platform:/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    KOSHA_VAR=/var/lib/kosha \
    HOME=/tmp
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin kosha
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py LICENSE NOTICE ./
COPY platform platform
COPY workers workers
COPY templates templates
COPY static static
# The keys are used by this command only; without them it would generate keys and leave them in the image.
RUN mkdir -p $KOSHA_VAR/static $KOSHA_VAR/uploads $KOSHA_VAR/storage $KOSHA_VAR/models $KOSHA_VAR/liveness \
    && KOSHA_SECRET_KEY=only-for-collecting-static-files-00000 KOSHA_MODEL_SERVER_TOKEN=none \
       python manage.py collectstatic --noinput \
    && chown -R 10001:10001 $KOSHA_VAR/uploads $KOSHA_VAR/storage $KOSHA_VAR/liveness
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--lifespan", "on", "--no-server-header", "--http", "middleware.http_protocol:BoundedHead"]
