# The released image: `docker buildx build .` or `buildah build .`, for each architecture (docs/releasing.md).
# For a release, both base images must be pinned by digest, NAME:TAG@sha256:...; `make release-check` refuses others
# (release/bases). The first base has the compiler of Cargo.toml, a C compiler and make. Tools that are installed below have
# pinned versions.
ARG BUILD_BASE=docker.io/library/rust:1.95.0-bookworm
ARG RUN_BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_BASE} AS build
# jemalloc must be built for the largest page size that an arm64 kernel may use.
ARG TARGETARCH
# Writes the list of dependencies into the program, for `cargo audit bin hooktender`.
RUN cargo install cargo-auditable --version 0.7.7 --locked
WORKDIR /source
COPY . .
ARG HOOKTENDER_COMMIT=unknown
RUN if [ "$TARGETARCH" = arm64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi; \
    cargo auditable build --release --locked --package hooktender

FROM ${RUN_BASE}
# --- from here on: image/build uses the following lines without a registry
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hooktender" \
      org.opencontainers.image.description="Declares webhook subscriptions at SaaS vendors as Kubernetes objects and keeps the vendors in step" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chown=0:0 --chmod=0555 /source/target/release/hooktender /usr/local/bin/hooktender
# A number, so that the kubelet can check that it is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/hooktender"]
CMD ["run", "--listen", "0.0.0.0:8080"]
