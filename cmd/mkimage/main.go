// Mkimage writes the plugin as a container image for Istio and Envoy Gateway: to
// a directory, as an OCI image layout, and to a registry, if one is given.
//
// It prints the digest of the manifest, sha256:HEX. HEX is what the sha256 of a
// WasmPlugin, of a TrafficExtension and of an image in an EnvoyExtensionPolicy
// takes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"mcpauth/cmd/mkimage/image"
)

func main() {
	wasm := flag.String("wasm", "../build/mcpauth.wasm", "the plugin to wrap, as `make build` makes it")
	out := flag.String("out", "../build/image", "directory for the OCI image layout; one already there is replaced")
	push := flag.String("push", "", "also push to this image reference, REGISTRY/REPOSITORY:TAG, with the credentials of docker login")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *wasm, *out, *push); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, wasm, out, push string) error {
	module, err := os.ReadFile(wasm)
	if err != nil {
		return err
	}
	img, err := image.FromWasm(module)
	if err != nil {
		return fmt.Errorf("%s: %w", wasm, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	if err := image.WriteLayout(out, img); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "written:", out)
	if push != "" {
		if err := image.Push(ctx, push, img); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "pushed:", push)
	}
	fmt.Println(digest)
	return nil
}
