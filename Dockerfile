# syntax=docker/dockerfile:1

# Pin by digest where you build: --build-arg NODE_IMAGE=docker.io/library/node@sha256:… (the tag is then only for people).
ARG NODE_IMAGE=docker.io/library/node:24.21.0-trixie-slim
ARG GO_IMAGE=docker.io/library/golang:1.26-trixie

# helm, for releases that are rolled back: built from source, so that there is one binary for each platform.
FROM ${GO_IMAGE} AS helm
ARG HELM_VERSION=4.3.1
ENV CGO_ENABLED=0 GOBIN=/out GOFLAGS=-trimpath
RUN go install -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v${HELM_VERSION}" "helm.sh/helm/v4/cmd/helm@v${HELM_VERSION}"

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN npm run -s build
# Only what runs: no compiler, no types, no source maps, and of the Kubernetes library no generated models' maps.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.md' \) -type f -delete

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="astern" \
  org.opencontainers.image.description="Alert remediation that proves it is safe" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production ASTERN_DATA_DIR=/var/lib/astern HOME=/tmp
WORKDIR /opt/astern
COPY --from=helm /out/helm /usr/local/bin/helm
COPY package.json LICENSE policies.yaml policies.schema.json ./
COPY bin ./bin
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# The one place that is written to; the root file system may be read-only.
RUN ln -s /opt/astern/bin/astern.js /usr/local/bin/astern \
  && chmod 0755 /opt/astern/bin/astern.js \
  && mkdir -p /var/lib/astern \
  && chown 65532:65532 /var/lib/astern
USER 65532:65532
EXPOSE 8080
VOLUME /var/lib/astern
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "/opt/astern/bin/healthcheck.js"]
# Node lets its heap grow with the machine's memory. What Astern really holds is some 60 MiB: in a storm of 50,000 alerts these
# limits keep the process below 256 MiB (docs/performance.md).
ENTRYPOINT ["node", "--max-old-space-size=192", "--max-semi-space-size=8", "/opt/astern/bin/astern.js"]
CMD ["serve"]
