# mcpauth: `make run` shows it at work in a real Envoy, `make test` proves it.
# Both need Go, Python 3 with venv, and make; the tests also Node.js with npm.

WASM := build/mcpauth.wasm
GO   ?= go

# -buildid= and -trimpath: the same sources give the same bytes in any folder.
# -gcflags: config runs once, at the start, so it is built small instead of fast.
WASM_FLAGS := -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -gcflags=mcpauth/config=-l -overlay=build/overlay/overlay.json

.PHONY: build run demo test unit wasmtest e2e lint image bench clean

build: ## build/mcpauth.wasm
	@$(GO) run ./internal/overlay build/overlay
	GOOS=wasip1 GOARCH=wasm $(GO) build $(WASM_FLAGS) -o $(WASM) ./plugin
	@wc -c < $(WASM) | awk '{printf "$(WASM): %.2f MB\n", $$1/1e6}'

clean:
	rm -rf build
