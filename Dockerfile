# Two stages: what it takes to make the bundle stays in the first one. docs/sidecar.md says how big the second one is.
# Both stages must be of one release of Node: the bundle holds the native part of its store for that one only.
ARG NODE_IMAGE=node:20-slim

FROM ${NODE_IMAGE} AS build
# Where the network of the build looks into TLS: --volume ROOTS.pem:/run/roots.pem:ro --build-arg NODE_EXTRA_CA_CERTS=/run/roots.pem
ARG NODE_EXTRA_CA_CERTS
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY LICENSE tsconfig.base.json ./
COPY tools ./tools
COPY page ./page
COPY bin ./bin
COPY config ./config
COPY src ./src
RUN npm run --silent bundle

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="mulligan" \
      org.opencontainers.image.description="A local forward proxy that gives every HTTP request a safe second shot." \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
# A number, so that Kubernetes can tell that it is not root; the official image calls this user node.
RUN mkdir -p /var/lib/mulligan && chown 1000:1000 /var/lib/mulligan
COPY --from=build /app/bundle /app
COPY examples/container.yaml /etc/mulligan/mulligan.yaml
USER 1000:1000
WORKDIR /app
VOLUME /var/lib/mulligan
EXPOSE 8402
# Each check starts a Node of its own (about 0.1 s of CPU), hence the long interval; the start is watched more closely.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8403/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# In exec form: as process 1 it gets the signals itself, drains at the first and exits with 0.
ENTRYPOINT ["node", "/app/bin/mulligan.js"]
CMD ["start", "--config", "/etc/mulligan/mulligan.yaml"]
