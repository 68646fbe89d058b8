package image

import (
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// An Entry is an image in a layout, with the name by which tools find it there.
type Entry struct {
	Name  string
	Image v1.Image
}

// WriteLayout writes images to dir as an OCI image layout that holds nothing
// else. A layout already there is replaced, so that blobs of earlier builds do
// not pile up; a directory with anything but a layout in it is left alone, with
// an error.
func WriteLayout(dir string, entries ...Entry) error {
	if err := removeLayout(dir); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := map[string]string{"org.opencontainers.image.ref.name": e.Name}
		if err := path.AppendImage(e.Image, layout.WithAnnotations(name)); err != nil {
			return err
		}
	}
	return nil
}

// removeLayout removes dir if it holds nothing but the three entries of the OCI
// image layout specification.
func removeLayout(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case "oci-layout", "index.json", "blobs":
		default:
			return fmt.Errorf("%s is no part of an OCI image layout: not replaced", filepath.Join(dir, e.Name()))
		}
	}
	return os.RemoveAll(dir)
}
