package config_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mcpauth/config"
)

// FuzzParse checks what must hold for every document: that a refusal names
// path and reason, that Parse and encoding/json agree on what JSON is, and that
// the schema, which editors check with, accepts all that Parse accepts.
func FuzzParse(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(goodDocuments)) {
		f.Add([]byte(goodDocuments[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(goodTenants)) {
		f.Add([]byte(goodTenants[name]))
	}
	for _, docs := range [][]badDocument{badTops, badServers, badResources, badTenants} {
		for _, bad := range docs {
			f.Add([]byte(bad.doc))
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := config.Parse(doc)
		if err == nil {
			checkComplete(t, c)
			if err := schemaError(string(doc)); err != nil {
				t.Errorf("accepted, but not by the schema: %v", err)
			}
			return
		}
		var errs config.Errors
		if !errors.As(err, &errs) || len(errs) == 0 || c != nil {
			t.Fatalf("got %v, %T", c, err)
		}
		for _, e := range errs {
			if e.Path == "" || e.Message == "" || strings.Contains(e.Error(), "\n") {
				t.Errorf("got %q", e.Error())
			}
		}
		syntax := strings.Contains(err.Error(), "must be a JSON text")
		if syntax && !strings.Contains(err.Error(), "surrogate") && !strings.Contains(err.Error(), "deeper") && json.Valid(doc) && utf8.Valid(doc) {
			t.Errorf("encoding/json accepts it: %v", err)
		}
		if !syntax && len(doc) <= config.MaxDocumentSize && !json.Valid(doc) && strings.TrimSpace(string(doc)) != "" {
			t.Errorf("encoding/json refuses it, but not the parser: %v", err)
		}
	})
}

// checkComplete checks what the other packages rely on.
func checkComplete(t *testing.T, c *config.Config) {
	if len(c.AuthorizationServers) == 0 || len(c.Resources) == 0 {
		t.Error("no authorization server or no resource")
	}
	for _, s := range c.AuthorizationServers {
		source := s.Source
		if s.Issuer == "" || len(s.Algorithms) == 0 || s.Cluster == "" && source.Kind != config.Static ||
			(source.MetadataURL != nil) != (source.Kind == config.MetadataURL) ||
			(source.JWKSURI != nil) != (source.Kind == config.JWKSURI) ||
			(source.Keys != nil) != (source.Kind == config.Static) {
			t.Errorf("got %+v", s)
		}
		if tenants := s.Tenants; tenants != nil {
			if _, err := config.ParseURL(s.PublicIssuer()); err != nil || tenants.Claim == "" || tenants.Any == (len(tenants.Names) > 0) || !tenants.IsTemplate(s.Issuer) {
				t.Errorf("got %+v, %+v", s, tenants)
			}
		} else if strings.ContainsAny(s.Issuer, "{}") || s.MetadataIssuer != "" {
			t.Errorf("got %+v", s)
		}
	}
	for _, r := range c.Resources {
		if r.Resource == nil || len(r.AuthorizationServers) == 0 || len(r.Match.PathPrefixes) == 0 {
			t.Errorf("got %+v", r)
		}
		for _, m := range r.Metadata {
			if m.Name == "" || !json.Valid([]byte(m.Raw)) {
				t.Errorf("got %+v", m)
			}
		}
	}
}
