# Two stages: the compiler and the tests' tools stay in the first one.
ARG NODE_IMAGE=node:20-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.base.json tsconfig.build.json ./
COPY src ./src
RUN npm run --silent build && npm prune --omit=dev

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY bin ./bin
COPY config ./config
COPY examples/container.yaml /etc/mulligan/mulligan.yaml
# The official image has this user; where it does not, a number does as well.
RUN mkdir -p /var/lib/mulligan && chown 1000:1000 /var/lib/mulligan
USER 1000:1000
VOLUME /var/lib/mulligan
EXPOSE 8402 8403
# Each check starts a Node of its own (about 0.1 s of CPU), hence the long interval.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8403/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/mulligan.js"]
CMD ["start", "--config", "/etc/mulligan/mulligan.yaml"]
