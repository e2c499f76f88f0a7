# Two things to build from this file:
#   docker build -t fla-gateway .                              the gateway
#   docker build -t fla-gateway-sandbox --target sandbox .     the gateway and the sandbox, to try it out
# No secret belongs in here: configuration and keys are mounted at /srv/fla-gateway/config, a volume for the journal at
# /srv/fla-gateway/state ([audit] path = "../state/journal").

# The same interpreter builds and runs, so that compiled wheels fit, the gateway's own as well: mypyc and the C compiler
# stay in this stage.
FROM python:3.13-slim-trixie AS build
# Two builds of the same sources differ in nothing: bytecode is written once, at the end, by the hash of its source
# instead of its time.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 SOURCE_DATE_EPOCH=1767225600
WORKDIR /src
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/build.txt requirements/compile.txt requirements/run.txt requirements/
# What the gateway imports is there as well, since mypyc reads its types.
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --only-binary :all: --require-hashes -r requirements/build.txt -r requirements/compile.txt -r requirements/run.txt \
    && python -m venv --without-pip /opt/fla-gateway \
    && python -m pip --python /opt/fla-gateway/bin/python install --only-binary :all: --require-hashes -r requirements/run.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY fla_gateway fla_gateway
# For --version: docker build --build-arg FLA_GATEWAY_COMMIT=$(git rev-parse HEAD)
ARG FLA_GATEWAY_COMMIT=
RUN FLA_GATEWAY_COMPILE=1 /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && python -m pip --python /opt/fla-gateway/bin/python install --no-deps --no-index /dist/*.whl \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/fla-gateway/lib

FROM build AS build-sandbox
COPY requirements/sandbox.txt requirements/
RUN python -m pip --python /opt/fla-gateway/bin/python install --only-binary :all: --require-hashes -r requirements/sandbox.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/fla-gateway/lib

# What both images have in common: nobody's account, and nothing that this account could change.
FROM python:3.13-slim-trixie AS runtime
ENV PATH=/opt/fla-gateway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The version is that of the program: docker build --label org.opencontainers.image.version=...
LABEL org.opencontainers.image.title="fla_gateway" \
    org.opencontainers.image.description="A credential sidecar for the REST APIs of the Belgian social security" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="python:3.13-slim-trixie"
WORKDIR /srv/fla-gateway
# For the journal, and for tables of callers; a new volume that is mounted there takes over this owner.
RUN install -d -o 10001 -g 10001 -m 0700 callers state
STOPSIGNAL SIGTERM
ENTRYPOINT ["fla-gateway"]

FROM runtime AS sandbox
COPY --from=build-sandbox /opt/fla-gateway /opt/fla-gateway
RUN install -d -o 10001 -g 10001 -m 0700 /sandbox
USER 10001:10001
EXPOSE 9443
CMD ["sandbox", "--directory", "/sandbox", "--listen", "0.0.0.0:9443"]

# The last stage is the one that is built by default: without sandbox, build tools or pip in its environment. The
# gateway listens on loopback, that is, within its network namespace, so there is no port to expose.
FROM runtime AS gateway
COPY --from=build /opt/fla-gateway /opt/fla-gateway
ENV FLA_GATEWAY_CONFIG=/srv/fla-gateway/config/gateway.toml
USER 10001:10001
# /readyz: 0 while one profile can be served; with [admin] ready = "all", while every one can.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["fla-gateway", "healthcheck"]
CMD ["run"]
