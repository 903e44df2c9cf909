# Needs Rust, Go, a C compiler and make. The first build takes some minutes, later ones seconds.
CARGO ?= cargo
# One folder and one selection of packages for all targets, so that nothing is built twice.
export CARGO_TARGET_DIR ?= $(CURDIR)/target
BUILT = $(CARGO_TARGET_DIR)/debug
CRDS = crds charts/hooktender/files/crds
# Checks licences and sources of dependencies; built once, at exactly this version.
DENY_VERSION = 0.20.2
DENY = $(CURDIR)/.cache/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
# Runs the targets of fuzz/; built once, at exactly this version.
FUZZ_VERSION = 0.13.1
FUZZ = $(CURDIR)/.cache/cargo-fuzz-$(FUZZ_VERSION)/bin/cargo-fuzz
FUZZ_TARGETS = $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))
# Builds the book of docs/; built once, at exactly this version, with its search and without its server.
BOOK_VERSION = 0.5.4
MDBOOK = $(CURDIR)/.cache/mdbook-$(BOOK_VERSION)-search/bin/mdbook
# Seconds a target.
FUZZ_TIME ?= 600
# Embed the dependency list into a program, and write a bill of materials; built once, at exactly these versions.
AUDITABLE_VERSION = 0.7.7
AUDITABLE = $(CURDIR)/.cache/cargo-auditable-$(AUDITABLE_VERSION)/bin/cargo-auditable
CYCLONEDX_VERSION = 0.5.9
CYCLONEDX = $(CURDIR)/.cache/cargo-cyclonedx-$(CYCLONEDX_VERSION)/bin/cargo-cyclonedx
# The tag of `make image`.
IMAGE ?= localhost/hooktender:dev

.DEFAULT_GOAL := help
.PHONY: help build tools try demo manifests test simulation attacks fault-injection soak bench-scale soak-memory check advisories crds chart schema reference pictures book fuzz image image-check sbom release-check

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build hooktender and everything that its tests and the demo need
	$(CARGO) build --workspace

tools: build ## Build the API server, kubectl and helm for tests and demo (once)
	@$(BUILT)/hooktender-cluster tools

# The workspace's programs that the demo runs. All are selected from the whole workspace: their dependencies then have the same features
# as in a build of everything, and are not built again for it.
DEMO_BINS = --bin hooktender --bin hooktender-demo

try: ## Show what hooktender does with files, without Kubernetes, in seconds
	@$(CARGO) build --workspace $(DEMO_BINS)
	@$(BUILT)/hooktender-demo try

# Rust and Go build side by side, and only what the demo uses.
demo: ## Show hooktender at work on this machine; KEEP=1 leaves everything running until Ctrl-C
	@test -x $(BUILT)/hooktender-demo || echo 'The first run builds hooktender and a Kubernetes API server from source. It says within a minute how long this takes.'
	@$(CARGO) build --workspace --bin hooktender-cluster
	@$(BUILT)/hooktender-cluster prepare-demo -- $(CARGO) build --workspace $(DEMO_BINS)
	@$(BUILT)/hooktender-demo

# Tests kill the program at its fail points and feed random bytes to its parsers, which only a build with these features has.
# Scenarios wait more than they compute, so that more of them run at once than there are cores.
test: tools ## Run all tests; of fault injection, one case of each kind
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} HOOKTENDER_FAULT_INJECTION=$${HOOKTENDER_FAULT_INJECTION:-short} $(CARGO) test --workspace --features hooktender/failpoints,hooktender/fuzzing

# Optimised, as each history is short and many are needed.
simulation: ## Play HOOKTENDER_SIMULATIONS (10000) random histories of accounts and as many of sets in memory, and print how many a second
	HOOKTENDER_SIMULATIONS=$${HOOKTENDER_SIMULATIONS:-10000} $(CARGO) test --release --lib simulation::every_history -- --nocapture

attacks: tools ## Attack the optimised program: an edit of another tenant has to reach its vendor within two seconds
	$(CARGO) test --release --test attacks -- --nocapture --test-threads=2

fault-injection: tools ## Kill the program at every outside effect of every operation, and inject every fault
	$(CARGO) test --features failpoints --test fault_injection -- all

soak: tools ## Play random histories for HOOKTENDER_SOAK_MINUTES (10)
	HOOKTENDER_SOAK_MINUTES=$${HOOKTENDER_SOAK_MINUTES:-10} $(CARGO) test --features failpoints --test fault_injection -- soak

# Not a test: it prints figures, which hold for this machine only.
# WebhookSets make a Webhook for each account, so that N has no meaning with them.
bench-scale: tools ## Measure the whole system with N Webhooks (1000); ARGS has more (ARGS=--help)
	$(CARGO) bench --package hooktender --bench scale -- $(if $(findstring --sets,$(ARGS)),,--webhooks $${N:-1000}) $(ARGS)

soak-memory: tools ## Play an hour's worth of intervals with edits, and show whether memory stays the same
	$(CARGO) bench --package hooktender --bench scale -- --webhooks $${N:-1000} --quiet 0 --edits 0 --soak $${INTERVALS:-60}

check: crds $(DENY) ## Check format, lints, licences and that the CRDs match the code
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --package hooktender --all-targets --features failpoints,fuzzing -- -D warnings
	@! grep --quiet --text FAILPOINTS $(BUILT)/hooktender || { echo 'a build without the feature has fail points'; exit 1; }
	$(DENY) --all-features check --hide-inclusion-graph licenses bans sources
	@$(MAKE) --no-print-directory known-advisories
	git diff --exit-code -- $(CRDS)

# The database is at GitHub only: without access to it this fails.
advisories: $(DENY) ## Check dependencies against the latest advisory database; before each release
	$(DENY) --all-features check --hide-inclusion-graph advisories

# A part of check, which has to pass on machines without access to GitHub. An advisory fails it, an unreachable database does not.
.PHONY: known-advisories
known-advisories: $(DENY)
	@if timeout 60 $(DENY) fetch db >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory advisories; \
	else \
	  echo 'advisories: NOT CHECKED, as their database cannot be reached from here; make advisories checks them before each release'; \
	fi

image: $(AUDITABLE) ## Build the image of an optimised program as IMAGE (localhost/hooktender:dev), and start it
	PATH="$(dir $(AUDITABLE)):$$PATH" $(CARGO) auditable build --release --locked --package hooktender
	image/build $(CARGO_TARGET_DIR)/release/hooktender $(IMAGE)
	$(MAKE) --no-print-directory tools
	image/check $(IMAGE)

# The optimised program takes minutes to build: this tests the image, not the program.
image-check: tools ## Build the image around the program that the tests use, and start it without privileges
	@mkdir -p $(CARGO_TARGET_DIR)/image
	strip -o $(CARGO_TARGET_DIR)/image/hooktender $(BUILT)/hooktender
	image/build $(CARGO_TARGET_DIR)/image/hooktender localhost/hooktender:check
	image/check localhost/hooktender:check

sbom: $(CYCLONEDX) ## Write hooktender.cdx.json, the program's bill of materials
	PATH="$(dir $(CYCLONEDX)):$$PATH" $(CARGO) cyclonedx --format json --manifest-path Cargo.toml --override-filename hooktender.cdx
	@rm -f demo/hooktender.cdx.json tests/*/hooktender.cdx.json

# A chart can read files of its own folder only.
crds: build ## Write the CRDs from the code: crds/, and the chart's
	@for folder in $(CRDS); do $(BUILT)/hooktender crds --output-dir $$folder || exit 1; done

chart: tools ## Write the tables of the chart's README from its values and roles
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --test scenarios chart::readme

manifests: tools ## Write deploy/install.yaml from the chart
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --test scenarios chart::manifests::the_manifests

schema: ## Write docs/plan.schema.json from the code
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --lib plan_schema

reference: ## Write docs/cli.md and docs/crds.md from the code
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --lib cli_reference
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --test docs the_reference

# Needs Chromium; the test installs Debian's package if it is missing.
pictures: build ## Take the pictures of docs/pictures from the real program
	HOOKTENDER_BLESS=1 $(CARGO) test --package hooktender --test browser picture

# A missing page fails; tests/docs finds what mdBook only warns of.
book: $(MDBOOK) ## Build the book of docs/ into .cache/book/index.html
	$(MDBOOK) build

fuzz: ## Run each target of fuzz/ for FUZZ_TIME seconds (600); needs a nightly compiler
	@rustup run nightly rustc --version >/dev/null 2>&1 || { echo 'make fuzz needs a nightly compiler: rustup toolchain install nightly --profile minimal' >&2; exit 1; }
	@$(MAKE) --no-print-directory $(FUZZ)
	@for target in $(FUZZ_TARGETS); do mkdir -p fuzz/corpus/$$target; \
	  env -u CARGO_TARGET_DIR PATH="$(dir $(FUZZ)):$$PATH" rustup run nightly cargo fuzz run $$target \
	    fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_TIME) || exit 1; done

# Takes minutes, most of them for the optimised program. A release needs .ci/run, too.
release-check: tools ## Try all steps of a release, and publish nothing (docs/releasing.md)
	@BUILT=$(BUILT) release/check

$(FUZZ):
	env -u CARGO_TARGET_DIR $(CARGO) install cargo-fuzz --version $(FUZZ_VERSION) --locked --root $(dir $(patsubst %/,%,$(dir $@)))

$(MDBOOK):
	env -u CARGO_TARGET_DIR $(CARGO) install mdbook --version $(BOOK_VERSION) --locked --no-default-features --features search --root $(dir $(patsubst %/,%,$(dir $@)))

$(DENY):
	env -u CARGO_TARGET_DIR $(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root $(dir $(patsubst %/,%,$(dir $@)))

$(AUDITABLE):
	env -u CARGO_TARGET_DIR $(CARGO) install cargo-auditable --version $(AUDITABLE_VERSION) --locked --root $(dir $(patsubst %/,%,$(dir $@)))

$(CYCLONEDX):
	env -u CARGO_TARGET_DIR $(CARGO) install cargo-cyclonedx --version $(CYCLONEDX_VERSION) --locked --root $(dir $(patsubst %/,%,$(dir $@)))
