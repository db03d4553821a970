# The image of reconcile: a virtual environment on a slim Python, and nothing else. See docs/deploy.md.
#   docker build -t qbt-reconciler .
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
# the tools first, so that a change of the source does not download them again
COPY constraints.txt ./
RUN python -m venv /build \
 && /build/bin/pip install --quiet --no-compile --upgrade --constraint constraints.txt pip hatchling
COPY pyproject.toml README.md LICENSE ./
COPY reconciler reconciler
COPY examples examples
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist . \
 && python -m venv --without-pip /opt/reconcile \
 && /build/bin/pip --python /opt/reconcile/bin/python install --quiet --constraint constraints.txt \
      "$(echo /dist/*.whl)[notifications]"

FROM ${PYTHON}
LABEL org.opencontainers.image.title="reconcile" \
      org.opencontainers.image.description="Desired state for torrents: YAML in git, reconciled with qBittorrent." \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/reconcile /opt/reconcile
# Any user may write here, and only here: use --user instead of PUID and PGID.
RUN mkdir -m 1777 /state
ENV PATH=/opt/reconcile/bin:$PATH \
    RECONCILE_FILE=/config \
    RECONCILE_STATE_DIR=/state \
    RECONCILE_LISTEN=127.0.0.1:9470
WORKDIR /config
USER 10001:10001
EXPOSE 9470
# Liveness of the loop, not of the instances: a restart would repair no instance.
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s --retries=3 \
  CMD ["reconcile", "status", "--url", "http://127.0.0.1:9470", "--live"]
# Needs no init as PID 1: it starts no processes to reap, and handles its signals itself.
ENTRYPOINT ["reconcile"]
CMD ["--watch"]
