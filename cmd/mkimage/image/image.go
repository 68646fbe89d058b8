// Package image wraps the plugin into the container image from which Istio and
// Envoy Gateway load it.
//
// [FromWasm] makes an OCI manifest with one gzipped tar layer that holds one file,
// [FileName]: the "compat" variant of the Wasm image specification, and what
// `docker build` makes of a `FROM scratch` and a `COPY`. [Artifact] makes the other
// variant, whose layer is the module itself. Both gateways read both; neither reads
// the newer artifact of media type application/wasm.
//
// The same module gives the same bytes, and so the same digest, wherever and
// whenever it is wrapped with one release of Go. The digest of the manifest is
// what both gateways compare with the sha256 configured for an image.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// FileName is the only name under which Istio and Envoy Gateway look for the
// module in a layer.
const FileName = "plugin.wasm"

// ErrNotWasm says that the file to be wrapped is no WebAssembly module.
var ErrNotWasm = errors.New("not a WebAssembly module of version 1")

// preamble opens every module: "\0asm", version 1 (WebAssembly core
// specification 5.5.16). Istio looks at it before it loads a file.
const preamble = "\x00asm\x01\x00\x00\x00"

// An Option changes what an image says of itself.
type Option func(map[string]string)

// WithSource names the URL of the sources. It is part of the image, and so of its
// digest.
func WithSource(url string) Option {
	return func(annotations map[string]string) {
		if url != "" {
			annotations["org.opencontainers.image.source"] = url
		}
	}
}

// created is the fixed date of every image. The true one would give each build a digest
// of its own.
var created = time.Unix(0, 0).UTC()

// describe returns the annotations of the manifest, keyed by the names that the OCI
// image specification predefines. The version is that of the module.
func describe(module []byte, options []Option) (map[string]string, error) {
	if !bytes.HasPrefix(module, []byte(preamble)) {
		return nil, ErrNotWasm
	}
	version, err := Version(module)
	if err != nil {
		return nil, err
	}
	annotations := map[string]string{
		"org.opencontainers.image.title":       "mcpauth",
		"org.opencontainers.image.description": "Envoy filter that makes a gateway an OAuth 2.1 protected resource for MCP servers",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     created.Format(time.RFC3339),
	}
	if version != "" {
		annotations["org.opencontainers.image.version"] = version
	}
	for _, o := range options {
		o(annotations)
	}
	return annotations, nil
}

// FromWasm wraps a module into an image. It fails with [ErrNotWasm] for any other file.
func FromWasm(module []byte, options ...Option) (v1.Image, error) {
	annotations, err := describe(module, options)
	if err != nil {
		return nil, err
	}
	compressed, err := layer(module)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(compressed)), nil
	}
	l, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}

	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, l); err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	// Both are required members, with Go's names as values.
	config.Architecture, config.OS = "wasm", "wasip1"
	config.Created = v1.Time{Time: created}
	config.Config.Labels = annotations
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(img, annotations).(v1.Image), nil
}

// layer returns the gzipped tar archive. All that could differ from one run to
// the next is left at its zero value: times, owners, and gzip's file name.
func layer(module []byte) ([]byte, error) {
	var buf bytes.Buffer
	gz, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(gz)
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     FileName,
		Mode:     0o644,
		Size:     int64(len(module)),
		Format:   tar.FormatUSTAR,
	}
	if err := archive.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := archive.Write(module); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := gz.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
