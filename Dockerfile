# Trestle in a container: Node's own image, the sources as they are, the page built, nothing that only developers need.
# `node deploy/rehearse-image.ts` goes through these steps without Docker.

FROM node:24.21.0-bookworm-slim AS page
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY tsconfig.json ./
COPY bridge bridge
COPY dashboards/live dashboards/live
RUN npm run build

# The image has its Node: the packages that bring one along are optional, and left out.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-fund --no-audit

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
ENV TRESTLE_HOST=0.0.0.0
ENV TRESTLE_DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY deploy/health.mjs deploy/health.mjs
COPY broker broker
COPY bridge bridge
COPY simulators simulators
COPY dashboards/grafana/push.ts dashboards/grafana/push.ts
COPY --from=page /app/dashboards/live/dist dashboards/live/dist
# A named volume takes over the owner that it finds here.
RUN install -d -o 1000 -g 1000 -m 700 /data
# The user `node` of the base image, by number: so that an orchestrator sees that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 1883 8883 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "deploy/health.mjs"]
# Node itself, not npm: the signals of a stop reach it.
CMD ["node", "bridge/main.ts"]
