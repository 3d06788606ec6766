# The Celery worker with its engines, and the model server.
#   docker build -f k8s/images/ml.Dockerfile -t kosha-ml:0.1.0 .
# Not built yet, and never run on a GPU.
ARG PYTHON=3.11-slim-bookworm
FROM python:${PYTHON} AS build
ARG TORCH=torch==2.13.0
COPY requirements/ml.txt requirements/build.txt /requirements/
# Like `make venv`: torch first and separately, then the complete lock. Of the build tool `ninja` only the program is
# installed, because its module would hide django-ninja's.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir "$TORCH" \
    && /venv/bin/pip install --no-cache-dir --no-deps -r /requirements/ml.txt \
    && /venv/bin/pip install --no-cache-dir --no-deps --target /venv/build-tools -r /requirements/build.txt \
    && ln -s ../build-tools/bin/ninja /venv/bin/ninja

FROM python:${PYTHON}
# g++ builds DeepSpeed's extensions, tcmalloc is preloaded into engines, tini reaps their supervisors.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ libtcmalloc-minimal4 tini \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app/platform:/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    KOSHA_VAR=/var/lib/kosha \
    HF_HUB_OFFLINE=1 \
    HOME=/tmp
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin kosha
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py LICENSE NOTICE ./
COPY platform platform
COPY workers workers
COPY templates templates
RUN mkdir -p $KOSHA_VAR/static $KOSHA_VAR/uploads $KOSHA_VAR/storage $KOSHA_VAR/models $KOSHA_VAR/liveness \
    && chown -R 10001:10001 $KOSHA_VAR/uploads $KOSHA_VAR/storage $KOSHA_VAR/liveness
USER 10001:10001
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "celery", "--app=workers.tasks.app", "worker", "--pool=prefork", "--concurrency=2"]
