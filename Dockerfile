# The gate alone: one static binary, without a shell, a package or a base image.
# docs/image.md says what it is for, and how dist/ is made.
FROM scratch
ARG TARGETARCH
ARG VERSION=devel
LABEL org.opencontainers.image.title="e2e-gate" \
      org.opencontainers.image.description="Gated end-to-end stages: health gates, shards, one diagnostic rerun, one verdict" \
      org.opencontainers.image.source="https://github.com/org/e2e-gate" \
      org.opencontainers.image.documentation="https://github.com/org/e2e-gate/blob/main/docs/image.md" \
      org.opencontainers.image.version="${VERSION}"
COPY dist/e2e-gate_linux_${TARGETARCH} /e2e-gate
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/e2e-gate"]
