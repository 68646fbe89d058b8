// Package manifests reads the manifests of envoy-example as the API server of a
// cluster does, for the tests in its subfolders.
package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	yamldocs "k8s.io/apimachinery/pkg/util/yaml"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
)

// A Reader reads manifests whose kinds its scheme knows.
type Reader struct {
	Scheme *runtime.Scheme

	// Check, if set, is called with each object and the JSON that it was read
	// from.
	Check func(object runtime.Object, text []byte) error
}

// NewReader returns a Reader that knows the kinds that the functions add.
func NewReader(add ...func(*runtime.Scheme) error) (*Reader, error) {
	s := runtime.NewScheme()
	for _, f := range add {
		if err := f(s); err != nil {
			return nil, err
		}
	}
	return &Reader{Scheme: s}, nil
}

// Decode reads one YAML document into the type of its kind. It refuses unknown
// kinds, unknown members and members twice. It does not check the rules that a
// CRD has beyond its types, such as patterns and CEL.
func (r *Reader) Decode(document []byte) (runtime.Object, error) {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	var kind metav1.TypeMeta
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	object, err := r.Scheme.New(schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind))
	if err != nil {
		return nil, err
	}
	unknown, err := strictjson.UnmarshalStrict(text, object)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return nil, err
	}
	if r.Check != nil {
		if err := r.Check(object, text); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
	}
	return object, nil
}

// Load returns the objects of a file, a path below envoy-example.
func (r *Reader) Load(file string) ([]runtime.Object, error) {
	root, err := envoy.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "envoy-example", file))
	if err != nil {
		return nil, err
	}
	var objects []runtime.Object
	documents := yamldocs.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if err == io.EOF {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		object, err := r.Decode(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, object)
	}
}
