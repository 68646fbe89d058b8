# mcpauth. `make run` shows it at work in a real Envoy, `make test` proves it.
# Both need Go, Python 3 with venv, and make; the tests also Node.js with npm and
# Python 3.11, for the MCP clients, and Chromium, or apt-get to get it. All else is
# installed into this folder. `make test-providers` also needs Java 17 or later and
# Maven, for Keycloak, and a C compiler, for Hydra.

GO   ?= go
WASM := build/mcpauth.wasm

IMAGE ?= build/image
BENCH ?=
FAULTS_SCALE ?= ci

# PLAIN=1 builds the plugin with the cure for Envoy <= 1.38 alone, without the
# cuts and the shrinking: larger, and with fewer tricks to trust. It holds for the
# tests too. See internal/build/README.md.
PLAIN ?=
export PLAIN

# -trimpath, -buildvcs and -buildid: the same sources give the same bytes in any
# folder. -overlay and -modfile: see internal/build; a workspace would forbid the
# latter.
WASM_FLAGS := -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w -buildid=' \
	-overlay="$(CURDIR)/build/overlay/overlay.json"
PLUGIN := -modfile="$(CURDIR)/build/overlay/plugin.mod" ./plugin

ifeq ($(PLAIN),)
# What runs seldom is built small rather than fast.
WASM_FLAGS += $(foreach p,config internal/wellknown internal/callout internal/discovery internal/keys internal/introspect internal/oauthproxy,-gcflags=mcpauth/$(p)=-l)
SHRINK := $(GO) run ./internal/build/shrink
else
SHRINK := cp
endif

# $(call wasm,FOLDER,PACKAGE AND FLAGS,FILE) builds a package of the module in
# FOLDER. Two makes at once are no problem: the file is moved into place.
wasm = mkdir -p $(dir $(3)) && \
	(cd $(1) && GOWORK=off GOOS=wasip1 GOARCH=wasm $(GO) build $(WASM_FLAGS) -o "$(CURDIR)/$(3)".linked.$$$$ $(2)) && \
	$(SHRINK) $(3).linked.$$$$ $(3).$$$$ && \
	rm $(3).linked.$$$$ && mv $(3).$$$$ $(3) && \
	echo "$(3): $$(wc -c < $(3)) bytes"

# $(call modules,FOLDERS) downloads the modules that the Go modules in these folders
# need, in silence: go build prints a line for each. What is there is not asked for.
modules = for dir in $(1); do \
	(cd $$dir && GOPROXY=off $(GO) mod download >/dev/null 2>&1) && continue; \
	echo "downloading the Go modules of $$dir: once, up to a minute"; \
	(cd $$dir && $(GO) mod download) || exit 1; done

# staticcheck, at the version that .ci/tools.mod pins.
STATICCHECK = $(GO) tool -modfile="$(CURDIR)/.ci/tools.mod" staticcheck

.PHONY: build run demo test unit integration-test test-faults test-providers lint docs image bench bench-quick bench-files bench-jwtlite clean

build: ## build/mcpauth.wasm
	@$(call modules,.)
	@test -e $(WASM) || echo "building the plugin: the first time a minute, for Go's standard library is built too"
	@$(GO) run ./internal/build/overlay $(if $(PLAIN),-plain) build/overlay
	@$(call wasm,.,$(PLUGIN),$(WASM))

run: build ## the example, with a walk through it; stays up until Ctrl-C
	@$(call modules,envoy-example)
	@echo "building the example: the first time a minute"
	@cd envoy-example && $(GO) run ./cmd/demo

demo: build ## the same walk, and an exit status that tells whether all went well
	@$(call modules,envoy-example)
	@echo "building the example: the first time a minute"
	@cd envoy-example && $(GO) run ./cmd/demo -once

test: lint unit integration-test test-faults ## everything

lint:
	@$(call modules,. envoy-example cmd integration)
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) vet -tags faults ./plugin
	cd envoy-example && $(GO) vet ./...
	cd cmd && $(GO) vet ./...
	cd integration && $(GO) vet -tags faults,providers ./...
	@$(GO) mod download -modfile="$(CURDIR)/.ci/tools.mod"
	$(STATICCHECK) ./...
	cd envoy-example && $(STATICCHECK) ./...
	cd cmd && $(STATICCHECK) ./...
	cd integration && $(STATICCHECK) -tags faults,providers ./...

unit: build ## the packages, and the built file under wazero
	$(GO) test ./...

# -count 1: what they read of the other modules, the plugin and the pages among it,
# go test does not see, and would repeat an old result.
integration-test: bench-files ## the built file in real Envoys, with real clients; the manifests; the image
	cd envoy-example && $(GO) test -count 1 ./...
	cd cmd && $(GO) test -count 1 ./...
	cd integration && $(GO) test -count 1 -timeout 40m ./...

# The long forms, about twenty minutes: make test-faults FAULTS_SCALE=full
test-faults: build ## the built file in a real Envoy, under load, through every fault of the authorization server
	@$(call wasm,.,-tags=faults $(PLUGIN),build/mcpauth-faults.wasm)
	cd integration && FAULTS_SCALE=$(FAULTS_SCALE) $(GO) test -tags faults -count 1 -parallel 4 -timeout 90m ./faults/...

# Not part of make test. The first run downloads Keycloak and builds Hydra into
# integration/.providers.
test-providers: build ## the built file in a real Envoy, in front of Keycloak, Hydra and oidc-provider
	@$(call modules,integration)
	cd integration && $(GO) test -tags providers -count 1 -timeout 40m ./providers

docs: ## docs/configuration.md, from config/schema.json
	$(GO) run ./config/internal/docgen config/schema.json docs/configuration.md

image: build ## an OCI image in $(IMAGE); PUSH=registry/repository:tag pushes it
	@$(call modules,cmd)
	cd cmd && $(GO) run ./mkimage -out $(abspath $(IMAGE)) $(if $(PUSH),-push $(PUSH))

bench: bench-files ## what mcpauth costs beside native jwt_authn: build/bench/result.md, 15 minutes
	cd integration && $(GO) run ./bench $(BENCH)

bench-quick: bench-files ## the same with less of everything, 2 minutes
	cd integration && $(GO) run ./bench -quick $(BENCH)

bench-files: build # mcpauth with signatures by jwtlite only, and a plugin that does nothing
	@$(call wasm,.,-tags=jwtlite $(PLUGIN),build/bench/mcpauth-jwtlite.wasm)
	@$(call wasm,integration,./bench/empty,build/bench/empty.wasm)

bench-jwtlite: ## jwtlite in V8 and native, beside Go's own packages; needs Node.js
	cd integration && $(GO) run ./bench/jwtlite

clean:
	rm -rf build
