package image

import v1 "github.com/google/go-containerregistry/pkg/v1"

// Forms are the two forms in which a module is published.
type Forms struct{ Image, Artifact v1.Image }

// FormsOf wraps a module in both forms. It fails with [ErrNotWasm] for any other file.
func FormsOf(module []byte, options ...Option) (f Forms, err error) {
	if f.Image, err = FromWasm(module, options...); err != nil {
		return Forms{}, err
	}
	if f.Artifact, err = Artifact(module, options...); err != nil {
		return Forms{}, err
	}
	return f, nil
}

// WriteLayout writes both to dir, under the names "image" and "artifact": see
// [WriteLayout].
func (f Forms) WriteLayout(dir string) error {
	return WriteLayout(dir, Entry{Name: "image", Image: f.Image}, Entry{Name: "artifact", Image: f.Artifact})
}
