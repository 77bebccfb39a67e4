# The worker, and the other commands of opend-kafka, in an image.
#
#   docker build -t opend-kafka .
#   docker run --read-only -v ./config.yaml:/etc/opend-kafka/config.yaml:ro opend-kafka
#
# docs/operations.md has more. Any builder will do: nothing here is BuildKit's own.
FROM python:3.11-slim-bookworm AS build

# Where packages come from, if not from PyPI: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# The compiler stays in this stage.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /source
COPY requirements requirements
# /build makes the package; /opt/opend-kafka is what the image gets, without pip.
RUN python -m venv /build \
    && python -m venv --without-pip /opt/opend-kafka \
    && /build/bin/pip install --quiet --require-hashes -r requirements/build.txt \
    && /build/bin/pip --python /opt/opend-kafka/bin/python install --quiet --no-compile \
        --require-hashes -r requirements/run.txt

COPY . .
# Wheels carry symbols that nobody debugs with here: a fifth of all bytes. confluent-kafka's libraries are
# left alone, since auditwheel has rewritten their headers. The root file system is read-only later, so
# every module is compiled now; what is compiled needs no look at its source's time again.
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/opend-kafka/bin/python install --quiet --no-compile \
        --no-deps --no-index /wheels/*.whl \
    && find /opt/opend-kafka -name '*.so' -not -path '*/confluent_kafka*' -exec strip --strip-unneeded {} + \
    && /opt/opend-kafka/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/opend-kafka/lib

FROM python:3.11-slim-bookworm

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="opend-kafka" \
      org.opencontainers.image.description="Market-data pushes from Futu/moomoo OpenD, as Avro records in Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

COPY --from=build /opt/opend-kafka /opt/opend-kafka

# The admin endpoint listens where these say, whatever the file says: from outside a container,
# 127.0.0.1 cannot be reached, and the health check has to know the port.
ENV PATH=/opt/opend-kafka/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OPEND_KAFKA__ADMIN__HOST=0.0.0.0 \
    OPEND_KAFKA__ADMIN__PORT=8080

USER 10001:10001
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "opend_kafka.admin.probe"]
ENTRYPOINT ["opend-kafka"]
CMD ["run", "-c", "/etc/opend-kafka/config.yaml"]
