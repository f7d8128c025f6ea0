# migrate as an image, for a Kubernetes Job or any other one-off run. Your own image adds your revisions:
#
#     FROM registry.example/migrate:0.1.0
#     COPY migrations /migrations
#
# and a migrate.ini beside that folder if you have one. `docker run IMAGE upgrade head` with DATABASE_URL in its environment then
# does it. It writes nothing to its root, and needs no capability; tests/image/image_test.py runs it so.

FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config libpq-dev libsqlite3-dev libgit2-dev libssl-dev libjansson-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY migrate migrate
COPY templates templates
RUN cmake --preset release && cmake --build --preset release

FROM debian:12-slim
# libpq5 is loaded when a run connects to PostgreSQL, so no linker would miss it here. libgit2-1.5 likewise, for what asks git
# (--tag, who wrote a revision): an image has no .git, so it is left out unless EXTRA names it.
ARG EXTRA=""
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libjansson4 libpq5 libsqlite3-0 libssl3 ${EXTRA} \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 migrate \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin migrate
# The roots of RDS are in no system's store. Use them with sslmode=verify-full and sslrootcert=/etc/ssl/rds/global-bundle.pem (or
# DB_SSL_MODE and DB_SSL_ROOT_CERT). That is no default of this image: other servers have other roots. Without a way out to the
# network, or to choose the bundle: --build-arg RDS_BUNDLE=FILE, a file beside this one that .dockerignore lets through.
ARG RDS_BUNDLE=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
ADD --chmod=0644 ${RDS_BUNDLE} /etc/ssl/rds/global-bundle.pem
COPY --from=build /src/build/migrate /usr/local/bin/migrate
# A number, since runAsNonRoot cannot tell who a name is.
USER 65532:65532
# From here "migrations", where revisions are looked for without a migrate.ini, is /migrations. It is not made: an image into which
# no revision was copied fails, and does not pass for a database that needs none.
WORKDIR /
ENTRYPOINT ["migrate"]
CMD ["--help"]
