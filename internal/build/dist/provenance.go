package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	predicateType = "https://slsa.dev/provenance/v1"
	// buildType stands for `make dist` and its variables.
	buildType = "urn:mcpauth:make-dist:v1"
)

// provenance writes an in-toto statement about all files so far and the image: from what
// and how they were built. It is not signed. It has no times and no run's name, which
// would differ from one build to the next.
func (r *release) provenance() error {
	files, err := r.files()
	if err != nil {
		return err
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: predicateType}
	for _, f := range files {
		statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{
			Name: f.name, Digest: map[string]string{"sha256": f.hex},
		})
	}
	statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{
		Name: r.repository, Digest: map[string]string{"sha256": strings.TrimPrefix(r.imageDigest, "sha256:")},
	})

	parameters, err := structpb.NewStruct(map[string]any{
		"VERSION": r.version, "DIST_IMAGE": r.repository, "SOURCE": r.source, "REVISION": r.revision,
	})
	if err != nil {
		return err
	}
	dependencies, err := r.dependencies()
	if err != nil {
		return err
	}
	predicate := &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType:            buildType,
			ExternalParameters:   parameters,
			ResolvedDependencies: dependencies,
		},
		RunDetails: &provenance.RunDetails{Builder: &provenance.Builder{Id: r.builder}},
	}
	if err := predicate.Validate(); err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	text, err := protojson.Marshal(predicate)
	if err != nil {
		return err
	}
	statement.Predicate = new(structpb.Struct)
	if err := protojson.Unmarshal(text, statement.Predicate); err != nil {
		return err
	}
	if err := statement.Validate(); err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	if text, err = protojson.Marshal(statement); err != nil {
		return err
	}
	// protojson varies white space on purpose.
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	return writeFile(r.name(".intoto.json"), b.Bytes())
}

// dependencies returns the sources, if their revision is given, the toolchain, and the
// modules that are linked into the plugin.
func (r *release) dependencies() ([]*intoto.ResourceDescriptor, error) {
	var list []*intoto.ResourceDescriptor
	if r.revision != "" {
		list = append(list, &intoto.ResourceDescriptor{
			Uri: "git+" + r.source + "@" + r.revision, Digest: map[string]string{"gitCommit": r.revision},
		})
	}
	list = append(list, &intoto.ResourceDescriptor{Name: "go", Uri: "pkg:golang/toolchain@" + r.goVersion})
	file, err := os.Open(r.name(".cdx.json"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(file, cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		return nil, err
	}
	for _, c := range *bom.Components {
		if c.PackageURL == "" || c.Hashes == nil {
			continue // the stub, which is part of the sources, and the standard library
		}
		// The hash of a module in go.sum, in hexadecimal.
		list = append(list, &intoto.ResourceDescriptor{
			Uri: c.PackageURL, Digest: map[string]string{"dirHash": (*c.Hashes)[0].Value},
		})
	}
	return list, nil
}
