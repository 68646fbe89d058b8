package image

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types of the "oci" variant of the Wasm image specification.
const (
	contentType types.MediaType = "application/vnd.module.wasm.content.layer.v1+wasm"
	configType  types.MediaType = "application/vnd.module.wasm.config.v1+json"
)

// Artifact wraps a module into the artifact of two layers, the configuration and the
// module. Both gateways want exactly these two. It fails with [ErrNotWasm] for any
// other file.
func Artifact(module []byte, options ...Option) (v1.Image, error) {
	annotations, err := describe(module, options)
	if err != nil {
		return nil, err
	}
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, configType)
	img, err = mutate.AppendLayers(img,
		static.NewLayer([]byte("{}"), configType),
		static.NewLayer(module, contentType))
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(img, annotations).(v1.Image), nil
}
