# mcpauth. `make help` lists the targets. `make run` shows mcpauth at work in a real
# Envoy, `make test` proves it.
# Both need Go, Python 3 with venv, and make; the tests also Node.js with npm and
# Python 3.11, for the MCP clients, and Chromium, or apt-get to get it. All else is
# installed into this folder. `make test-providers` also needs Java 17 or later and
# Maven, for Keycloak, and a C compiler, for Hydra.

GO   ?= go
WASM := build/mcpauth.wasm

IMAGE ?= build/image
# Where a release says that its image is; the URL and commit of its sources; its builder.
DIST_IMAGE ?= registry.example.com/mcpauth
SOURCE ?=
REVISION ?=
BUILDER ?=
BENCH ?=
FAULTS_SCALE ?= ci
VULNCHECK ?=

# PLAIN=1 builds a larger plugin, with the patch for Envoy <= 1.38 but without the cuts
# and the shrinking. With the tests, it tests that file. See internal/build/README.md.
PLAIN ?=
export PLAIN

# The version that the plugin names in its log, its metrics and a section of the file.
# It comes from a file and not from Git, so that a source tarball gives the same bytes;
# the environment does not change it.
VERSION := $(shell cat VERSION)

# -trimpath, -buildvcs and -buildid: the same sources give the same bytes in any
# folder. -overlay and -modfile: see internal/build; a workspace would forbid the
# latter.
WASM_FLAGS := -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w -buildid= -X main.version=$(VERSION)' \
	-overlay="$(CURDIR)/build/overlay/overlay.json"
PLUGIN := -modfile="$(CURDIR)/build/overlay/plugin.mod" ./plugin

ifeq ($(PLAIN),)
# Packages off the hot path are built for size (without inlining).
WASM_FLAGS += $(foreach p,config internal/wellknown internal/callout internal/discovery internal/keys internal/introspect internal/oauthproxy internal/listfilter,-gcflags=mcpauth/$(p)=-l)
SHRINK := $(GO) run ./internal/build/shrink -version '$(VERSION)'
else
WASM_FLAGS += -tags=plain
SHRINK := $(GO) run ./internal/build/shrink -version '$(VERSION)' -plain
endif

# $(call wasm,FOLDER,PACKAGE AND FLAGS,FILE) builds a package of the module in
# FOLDER. It moves the file into place, so that two makes can run at once.
wasm = mkdir -p $(dir $(3)) && \
	(cd $(1) && GOWORK=off GOOS=wasip1 GOARCH=wasm $(GO) build $(WASM_FLAGS) -o "$(CURDIR)/$(3)".linked.$$$$ $(2)) && \
	$(SHRINK) $(3).linked.$$$$ $(3).$$$$ && \
	rm $(3).linked.$$$$ && mv $(3).$$$$ $(3) && \
	echo "$(3): $$(wc -c < $(3)) bytes"

# The operator's tool: static, and the same bytes in any folder.
TOOL_FLAGS := -trimpath -buildvcs=false -ldflags='-s -w -buildid= -X main.version=$(VERSION)'
ALL_PLATFORMS := darwin/amd64 darwin/arm64 linux/amd64 linux/arm64 windows/amd64 windows/arm64

# $(call modules,FOLDERS) downloads the modules that the Go modules in these folders
# need, unless they are there. go build would print a line for each.
modules = for dir in $(1); do \
	(cd $$dir && GOPROXY=off $(GO) mod download >/dev/null 2>&1) && continue; \
	echo "downloading the Go modules of $$dir: once, up to a minute"; \
	(cd $$dir && $(GO) mod download) || exit 1; done

# The folders of the modules beside the plugin's.
OTHERS := envoy-example cmd internal/build/dist integration integration/istiofetch

# staticcheck and actionlint, at the versions that .ci/tools.mod pins.
ACTIONLINT = $(GO) tool -modfile="$(CURDIR)/.ci/tools.mod" actionlint
STATICCHECK = $(GO) tool -modfile="$(CURDIR)/.ci/tools.mod" staticcheck

# The Envoys of test-matrix: the last release of each minor version whose Wasm host works.
ENVOYS ?= 1.36.4 1.37.0 1.38.2 1.39.3 1.40.0

.PHONY: help build tools run demo check test test-matrix test-endurance lint lint-plugin lint-others unit integration-test test-faults test-providers test-envoy-gateway test-istio docs licenses image dist dist-check bench bench-quick bench-peers bench-fleet bench-growth bench-start bench-files bench-jwtlite faults-file vectors-file dashboard vulncheck fuzz fuzz-briefly clean

# Targets are listed in the order of this file, under the last line with ##@.
help: ## this list
	@awk '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		match($$0, /^[a-z-]+:.*## /) { name = $$1; sub(":", "", name); printf "  make %-16s %s\n", name, substr($$0, RLENGTH + 1) }' $(MAKEFILE_LIST)

##@ Seconds, once the caches are warm

build: ## build/mcpauth.wasm, the plugin
	@$(call modules,.)
	@test -e $(WASM) || echo "building the plugin: the first time a minute, for Go's standard library is built too"
	@$(GO) run ./internal/build/overlay $(if $(PLAIN),-plain) build/overlay
	@$(call wasm,.,$(PLUGIN),$(WASM))

docs: ## write docs/configuration.md from config/schema.json
	$(GO) run ./config/internal/docgen config/schema.json docs/configuration.md

image: build ## an OCI image in build/image; PUSH=registry/repository:tag pushes it and fills in build/manifests
	@$(call modules,cmd)
	cd cmd && $(GO) run ./mkimage -out '$(abspath $(IMAGE))' -manifests '$(CURDIR)/build/manifests' $(if $(SOURCE),-source '$(SOURCE)') \
		$(if $(PUSH),-push '$(PUSH)') $(if $(PUSH_ARTIFACT),-push-artifact '$(PUSH_ARTIFACT)')

# PLATFORMS="linux/arm64 windows/amd64 …" also builds it for these, PLATFORMS=all for all six
# of a release, into build/tools.
PLATFORMS ?=
tools: ## build/mcpauth, the operator's tool; PLATFORMS=all also builds it for six platforms into build/tools
	@$(call modules,cmd)
	@cd cmd && CGO_ENABLED=0 GOWORK=off $(GO) build $(TOOL_FLAGS) -o "$(CURDIR)/build/mcpauth" ./mcpauth && echo "build/mcpauth"
	@cd cmd && for p in $(if $(filter all,$(PLATFORMS)),$(ALL_PLATFORMS),$(PLATFORMS)); do \
		os=$${p%/*} arch=$${p#*/}; file="build/tools/mcpauth-$$os-$$arch"; test $$os != windows || file="$$file.exe"; \
		CGO_ENABLED=0 GOWORK=off GOOS=$$os GOARCH=$$arch $(GO) build $(TOOL_FLAGS) -o "$(CURDIR)/$$file" ./mcpauth && echo "$$file" || exit 1; done

run: build ## the example with a walk through it; it stays up until Ctrl-C
	@$(call modules,envoy-example)
	@echo "building the example: the first time a minute"
	@cd envoy-example && $(GO) run ./cmd/demo

demo: build ## the same walk, which exits with status 0 only if every step succeeded
	@$(call modules,envoy-example)
	@echo "building the example: the first time a minute"
	@cd envoy-example && $(GO) run ./cmd/demo -once

licenses: ## the licences of all Go modules, first of those that are linked into the plugin
	@$(call modules,. $(OTHERS))
	@mkdir -p build && $(GO) build -o build/licenses ./internal/build/licenses
	@echo "linked into the plugin:"
	@GOOS=wasip1 GOARCH=wasm build/licenses ./plugin
	@for dir in . $(OTHERS); do \
		echo && echo "needed by $$dir, tests included:" && build/licenses -test -C $$dir ./... || exit 1; done

clean: ## remove build/
	rm -rf build

##@ Minutes

check: lint-plugin unit ## gofmt, vet, staticcheck, the packages, the built file under wazero: before each commit

lint: lint-plugin lint-others ## gofmt, vet and staticcheck for all modules

lint-plugin: # the module of the plugin
	@$(call modules,.)
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) vet -tags faults ./plugin
	$(GO) vet -tags vectors ./plugin
	@$(GO) mod download -modfile="$(CURDIR)/.ci/tools.mod"
	$(STATICCHECK) ./...
	$(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yml

lint-others: # the other modules
	@$(call modules,$(OTHERS))
	cd envoy-example && $(GO) vet ./... && $(STATICCHECK) ./...
	cd cmd && $(GO) vet ./... && $(STATICCHECK) ./...
	cd internal/build/dist && $(GO) vet ./... && $(STATICCHECK) ./...
	cd integration/istiofetch && $(GO) vet ./... && $(STATICCHECK) ./...
	cd integration && $(GO) vet -tags faults,providers,controlplane ./... && $(STATICCHECK) -tags faults,providers,controlplane ./...

# Where the database is out of reach it says so and succeeds; -required makes it fail.
# An air-gapped machine can name a copy: VULNCHECK='-db file:///copy'.
vulncheck: ## known vulnerabilities in what a release holds; needs Go's vulnerability database
	@$(call modules,. cmd)
	@$(GO) mod download -modfile="$(CURDIR)/.ci/tools.mod"
	@$(GO) run ./internal/build/vulncheck $(VULNCHECK)

unit: vectors-file ## the packages, and the built file under wazero
	$(GO) test ./...

bench-quick: bench-files ## a short form of the benchmark
	cd integration && $(GO) run ./bench -quick $(BENCH)

dashboard: build ## docs/dashboard.svg, from a real Prometheus that scrapes two Envoys
	@$(call modules,integration)
	cd integration && $(GO) run ./monitoring/picture "$(CURDIR)/docs/dashboard.svg"

bench-jwtlite: ## jwtlite in V8 and native, beside Go's own packages; needs Node.js
	cd integration && $(GO) run ./bench/jwtlite

dist: build ## the files of a release in build/dist: plugin, image, SBOM, provenance, tools and sums
	@$(call modules,cmd internal/build/dist)
	@echo "building the release: the first time some minutes, for Go's standard library is built for six platforms"
	cd internal/build/dist && $(GO) run . -version '$(VERSION)' -image '$(DIST_IMAGE)' -source '$(SOURCE)' -revision '$(REVISION)' $(if $(BUILDER),-builder '$(BUILDER)')
	@cat build/dist/SHA256SUMS

dist-check: ## make dist, twice in different folders: the same bytes
	@.ci/dist-check DIST_IMAGE='$(DIST_IMAGE)' SOURCE='$(SOURCE)' REVISION='$(REVISION)' BUILDER='$(BUILDER)'

##@ Ten minutes and more

test: lint unit fuzz-briefly integration-test test-faults ## everything but test-providers

# FUZZTIME is as in go test -fuzztime; without it all share an hour. FUZZ is a regular expression
# of names.
FUZZTIME ?=
FUZZ ?=
fuzz: build ## each fuzz test for FUZZTIME, such as 60s; by default an hour in all. FUZZ chooses by name
	@$(call modules,. integration)
	@GO="$(GO)" FUZZTIME='$(FUZZTIME)' FUZZ='$(FUZZ)' .ci/fuzz

# A number of inputs and not a time: a busy machine then tests as much as another.
fuzz-briefly: build # a few hundred new inputs for each fuzz test
	@$(call modules,. integration)
	@GO="$(GO)" FUZZTIME=500x .ci/fuzz

# -count 1: go test does not see the files of other modules that these tests read, such
# as the plugin and the pages, and would repeat an old result.
integration-test: bench-files faults-file vectors-file ## the built file in real Envoys, with real clients; the manifests; the image
	cd envoy-example && $(GO) test -count 1 ./...
	cd cmd && $(GO) test -count 1 ./...
	cd internal/build/dist && $(GO) test -count 1 ./...
	cd integration/istiofetch && $(GO) test -count 1 ./...
	cd integration && $(GO) test -count 1 -timeout 40m ./...

# The long forms, about twenty minutes: make test-faults FAULTS_SCALE=full
test-faults: faults-file ## the built file in a real Envoy, under load, through every fault of the authorization server
	cd integration && FAULTS_SCALE=$(FAULTS_SCALE) $(GO) test -tags faults -count 1 -parallel 4 -timeout 90m ./faults/...

# ENDURANCE is how long it lasts on each Envoy.
ENDURANCE ?= 10m
test-endurance: faults-file ## ten minutes of rotation, reloads, outages, garbage and held requests at full load, on the oldest and the newest Envoy
	@$(call modules,integration)
	cd integration && ENDURANCE=$(ENDURANCE) $(GO) test -tags faults -count 1 -timeout 6h -run '^TestEndurance$$' -v ./faults/suite

# One version after the other: each test runs two Envoys and more. A version that fails does
# not keep the next ones from being tested.
test-matrix: bench-files faults-file vectors-file ## the end-to-end tests on each of the Envoys that ENVOYS names, one after the other
	@$(call modules,integration)
	cd integration && failed= && for v in $(ENVOYS); do \
		echo "Envoy $$v" && ENVOYS=$$v $(GO) test -count 1 -timeout 40m ./e2e || failed="$$failed $$v"; done; \
		test -z "$$failed" || { echo "failed on Envoy:$$failed"; exit 1; }

# The first run downloads Keycloak and builds Hydra into integration/.providers.
test-providers: build ## the built file in a real Envoy, in front of Keycloak, Hydra and oidc-provider
	@$(call modules,integration)
	cd integration && $(GO) test -tags providers -count 1 -timeout 40m ./providers

# Each builds its control plane into build/controlplane at the first run. Linux only.
test-envoy-gateway: faults-file ## the manifests under a real Envoy Gateway; the first run builds it
	@$(call modules,integration)
	cd integration && $(GO) test -tags controlplane -count 1 -timeout 40m ./controlplane
	GO="$(GO)" sh integration/controlplane/run.sh envoygateway Guard Kubernetes

test-istio: faults-file ## the manifests under a real Istio; the first run builds it, with kube-apiserver
	@$(call modules,integration)
	cd integration && $(GO) test -tags controlplane -count 1 -timeout 40m ./controlplane
	GO="$(GO)" sh integration/controlplane/run.sh istio 'TestIstio/Guard|TestIstio/WithoutGuard' 'TestIstio/Job|TestIstio/GatewayAPI|TestIstio/Sidecar'

bench: bench-files ## the cost of mcpauth beside Envoy's own jwt_authn: build/bench/result.md
	cd integration && $(GO) run ./bench $(BENCH)

# BENCH=-docs also writes the tables of the pages that show them.
bench-start: bench-files ## the start of Envoy with mcpauth, and its memory, by parts: docs/performance.md
	cd integration && $(GO) run ./bench -start $(BENCH)

bench-peers: build ## mcpauth beside ext_authz, Lua, and the Python and TypeScript SDKs: build/bench/peers.md
	@$(call modules,integration)
	cd integration && $(GO) run ./bench -peers $(BENCH)

bench-fleet: build ## what an authorization server sees of fleets of proxies, and hit rates of their caches: build/bench/fleet.md
	@$(call modules,integration)
	cd integration && $(GO) run ./fleet $(BENCH)

# BENCH="-only 'bodies|tokens'" measures some tables only, BENCH=-quick takes three minutes.
bench-growth: build ## how the cost grows with resources, rules, claims, bodies, tokens, the token cache, workers: docs/scaling.md
	@$(call modules,integration)
	cd integration && $(GO) run ./bench -growth $(BENCH)

bench-files: build # mcpauth with signatures by jwtlite only, and a plugin that does nothing
	@$(call wasm,.,-tags=jwtlite $(PLUGIN),build/bench/mcpauth-jwtlite.wasm)
	@$(call wasm,integration,./bench/empty,build/bench/empty.wasm)

vectors-file: build # a plugin that only judges test vectors
	@$(call wasm,.,-tags=vectors $(PLUGIN),build/mcpauth-vectors.wasm)

faults-file: build # the plugin with a way to crash it, for tests of what follows
	@$(call wasm,.,-tags=faults $(PLUGIN),build/mcpauth-faults.wasm)
