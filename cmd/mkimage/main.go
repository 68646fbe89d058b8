// Mkimage writes the plugin as a container image for Istio and Envoy Gateway: to
// a directory, as an OCI image layout, and to a registry, if one is given. The layout
// also holds the artifact of two layers, for registries and tools that want one.
//
// It prints the digest of the image's manifest, sha256:HEX, and after a push the lines
// that name the image in the manifests. It also writes copies of the example's manifests
// with these lines.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"mcpauth/cmd/mkimage/image"
	"mcpauth/cmd/mkimage/manifests"
)

type options struct {
	wasm, out, source  string
	push, pushArtifact string
	example, manifests string
}

func main() {
	var o options
	flag.StringVar(&o.wasm, "wasm", "../build/mcpauth.wasm", "the plugin to wrap, as `make build` makes it")
	flag.StringVar(&o.out, "out", "../build/image", "directory for the OCI image layout; one already there is replaced")
	flag.StringVar(&o.source, "source", "", "URL of the sources, for the image to name; it changes the digest")
	flag.StringVar(&o.push, "push", "", "also push the image to this reference, REGISTRY/REPOSITORY:TAG, with the credentials of docker login")
	flag.StringVar(&o.pushArtifact, "push-artifact", "", "also push the artifact to this reference")
	flag.StringVar(&o.example, "example", "../envoy-example", "directory of the example, whose manifests are filled in after a push")
	flag.StringVar(&o.manifests, "manifests", "../build/manifests", "directory for these manifests; \"\" writes none")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

// run prints the digest alone to stdout, for scripts.
func run(ctx context.Context, o options, stdout, stderr io.Writer) error {
	module, err := os.ReadFile(o.wasm)
	if err != nil {
		return err
	}
	forms, err := image.FormsOf(module, image.WithSource(o.source))
	if err != nil {
		return fmt.Errorf("%s: %w", o.wasm, err)
	}
	if err := forms.WriteLayout(o.out); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "written:", o.out)
	digest, err := forms.Image.Digest()
	if err != nil {
		return err
	}
	if o.pushArtifact != "" {
		if _, err := push(ctx, o.pushArtifact, forms.Artifact, stderr); err != nil {
			return err
		}
	}
	if o.push != "" {
		pinned, err := push(ctx, o.push, forms.Image, stderr)
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "Istio, wasmplugin.yaml and trafficextension.yaml:\n  url: oci://%[1]s\nIstio, envoyfilter.yaml:\n  uri: oci://%[1]s\nEnvoy Gateway, policy.yaml:\n  url: %[1]s\n", pinned)
		if o.manifests != "" {
			if err := manifests.Write(o.example, o.manifests, pinned); err != nil {
				return err
			}
			fmt.Fprintln(stderr, "manifests with these lines:", o.manifests)
		}
	}
	fmt.Fprintln(stdout, digest)
	return nil
}

// push returns REPOSITORY@DIGEST, which names what it has pushed.
func push(ctx context.Context, reference string, img v1.Image, stderr io.Writer) (string, error) {
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	repository, err := image.Push(ctx, reference, img)
	if err != nil {
		return "", err
	}
	pinned := repository + "@" + digest.String()
	fmt.Fprintf(stderr, "pushed: %s as %s\n", reference, pinned)
	return pinned, nil
}
