# The gateway as a container image (docs/deploy-image.md). BASE is any Debian with Python 3.11 or newer and CA certificates.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
# What builds a wheel stays in this stage: a compiler, headers, Cython, and npm where the charts were not fetched before.
SHELL ["/bin/sh", "-euc"]
WORKDIR /src
COPY tools/needs.sh tools/python.sh tools/
RUN tools/needs.sh build
COPY requirements.lock requirements-build.lock ./
# Whatever is installed has a hash in a lock. The secret `pip` is a pip.conf, for who has a package index of their own.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    "$(tools/python.sh)" -m venv /build; \
    /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements-build.lock; \
    /build/bin/pip wheel --no-cache-dir --no-build-isolation --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY . .
RUN [ -e gateway/control/dashboard/static/vendor/uPlot.iife.min.js ] || tools/web.sh image; \
    /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels .
# Of what the lock names, what these need, without others' tests and the keys in them. Bytecode that is never checked against a source's time: an image has other times.
ARG EXTRAS=graphql,grpc,http2,otel
RUN "$(tools/python.sh)" -m venv --without-pip /opt/gateway; \
    /build/bin/pip --isolated --python /opt/gateway/bin/python install --no-cache-dir --no-compile --no-index \
        -f /wheels "gateway[${EXTRAS}]"; \
    find /opt/gateway/lib -type d -name tests -prune -exec rm -r {} +; \
    /opt/gateway/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/gateway/lib

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="gateway" \
      org.opencontainers.image.description="An API gateway for microservices" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/gateway /opt/gateway
COPY conf/quickstart.yaml /etc/gateway/quickstart.yaml
# The root may be read-only: what is written goes to memory.
ENV PATH=/opt/gateway/bin:${PATH} \
    TMPDIR=/dev/shm \
    GATEWAY_CONFIG=/etc/gateway/gateway.yaml \
    GATEWAY_ADMIN=127.0.0.1:8001
# A base without Python or without certificates is found here.
RUN ["/opt/gateway/bin/python", "-c", "import gateway.cli.group, ssl; assert ssl.create_default_context().get_ca_certs(), 'the base has no CA certificates'"]
USER 10001:10001
WORKDIR /
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["gateway", "health"]
ENTRYPOINT ["gateway"]
CMD ["quickstart", "/etc/gateway/quickstart.yaml", "--bind", "0.0.0.0:8000"]
