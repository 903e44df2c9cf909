# Needs Rust, Go, a C compiler and make. The first build takes some minutes, later ones seconds.
CARGO ?= cargo
# One folder and one selection of packages for all targets, so that nothing is built twice.
export CARGO_TARGET_DIR ?= $(CURDIR)/target
BUILT = $(CARGO_TARGET_DIR)/debug
# Checks licences and sources of dependencies; built once, at just this version.
DENY_VERSION = 0.20.2
DENY = $(CURDIR)/.cache/cargo-deny-$(DENY_VERSION)/bin/cargo-deny

.DEFAULT_GOAL := help
.PHONY: help build tools demo test check crds

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build hooktender and everything that its tests and the demo need
	$(CARGO) build --workspace

tools: build ## Build the API server, kubectl and helm for tests and demo (once)
	@$(BUILT)/hooktender-cluster tools

demo: build ## Tell hooktender's story on this machine; KEEP=1 leaves everything running until Ctrl-C
	@$(BUILT)/hooktender-demo

test: tools ## Run all tests
	$(CARGO) test --workspace

check: crds $(DENY) ## Check format, lints, licences and that crds/ is what the code says
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(DENY) --all-features check --hide-inclusion-graph licenses bans sources
	git diff --exit-code -- crds

crds: build ## Write crds/ from the code
	@$(BUILT)/hooktender crds --output-dir crds

$(DENY):
	env -u CARGO_TARGET_DIR $(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --root $(dir $(patsubst %/,%,$(dir $@)))
