package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/config"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/internal/wellknown"
)

const (
	issuer   = "https://auth.example.com"
	resource = "https://mcp.example.com/notes"

	boundResource = "https://mcp.example.com/bound" // takes DPoP
	host          = "mcp.example.com"

	// cacheEntries is how many verified tokens the caches hold, Envoy's and
	// that of mcpauth: more than twice the tokens of one Envoy.
	cacheEntries = 12_000
)

// A variant is one listener.
type variant struct {
	Name, Title   string
	Wasm          string // the plugin's file, if it has one
	Configured    bool   // the plugin has a configuration
	Native, Cache bool
	Port          *loopback.Port
}

// filters tells whether the variant refuses requests without a token.
func (v *variant) filters() bool { return v.Native || v.Configured || v.Name == "floor" }

// variants are all that can be measured; newGateway completes them.
var variants = []variant{
	{Name: "none", Title: "no filter"},
	{Name: "empty", Title: "empty plugin"},
	{Name: "floor", Title: "the least that a plugin costs"},
	{Name: "native", Title: "jwt_authn", Native: true},
	{Name: "cached", Title: "jwt_authn with cache", Native: true, Cache: true},
	{Name: "mcpauth", Title: "mcpauth", Configured: true},
	{Name: "jwtlite", Title: "mcpauth, signatures in Wasm", Configured: true},
}

func variantNames() []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.Name)
	}
	return names
}

// gateway holds what the configuration of Envoy is made of.
type gateway struct {
	KeySet           string
	Algorithms       []jose.SignatureAlgorithm
	Issuer, Resource string
	CacheEntries     int
	Metadata         string // what mcpauth answers to a request for the metadata
	MetadataPath     string
	variants         []*variant
}

//go:embed envoy.yaml.tmpl
var bootstrapText string

var bootstrapTemplate = template.Must(template.New("envoy").Funcs(template.FuncMap{
	"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
}).Parse(bootstrapText))

// newGateway returns a gateway whose filters trust the key set, with the named
// variants.
func newGateway(keySet string, algorithms []jose.SignatureAlgorithm, names []string) (*gateway, error) {
	g := &gateway{KeySet: keySet, Algorithms: algorithms, Issuer: issuer, Resource: resource, CacheEntries: cacheEntries}
	var floor *variant
	for _, known := range variants {
		if !slices.Contains(names, known.Name) {
			continue
		}
		v := known
		var err error
		switch v.Name {
		case "mcpauth":
			v.Wasm, err = envoy.Wasm()
		case "jwtlite":
			v.Wasm, err = wasmFile("mcpauth-jwtlite.wasm")
		case "empty":
			v.Wasm, err = wasmFile("empty.wasm")
		case "floor":
			floor = &v
		}
		if err == nil {
			v.Port, err = loopback.Reserve(0)
		}
		if err != nil {
			g.release()
			return nil, err
		}
		g.variants = append(g.variants, &v)
	}
	c, err := config.Parse([]byte(g.Plugin()))
	if err != nil {
		g.release()
		return nil, fmt.Errorf("the plugin's configuration: %w", err)
	}
	g.Metadata = string(wellknown.Document(c.Resources[0]))
	g.MetadataPath = strings.TrimPrefix(wellknown.ProtectedResourceURL(c.Resources[0].Resource), "https://"+host)
	if floor != nil {
		if floor.Wasm, err = g.writeFloor(); err != nil {
			g.release()
			return nil, err
		}
	}
	return g, nil
}

// wasmFile returns the path of a file that make bench-files has built.
func wasmFile(name string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "build", "bench", name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("run make bench-files: %w", err)
	}
	return path, nil
}

// Plugin returns the configuration of mcpauth.
func (g *gateway) Plugin() string {
	entries := map[string]any{}
	if g.CacheEntries != 0 {
		entries["max_entries"] = g.CacheEntries
	}
	doc, err := json.Marshal(map[string]any{
		"authorization_servers": []any{map[string]any{"issuer": issuer, "jwks": json.RawMessage(g.KeySet), "algorithms": g.Algorithms}},
		"resources": []any{map[string]any{
			"resource": resource, "scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"},
		}, map[string]any{"resource": boundResource, "required_scopes": []string{"read:notes"}, "dpop": "required"}},
		"token_cache": entries,
	})
	if err != nil {
		panic(err) // only if the key set is no JSON
	}
	return string(doc)
}

func (g *gateway) release() {
	for _, v := range g.variants {
		v.Port.Release()
	}
}

// groups returns the variants that share an Envoy: all, or, if each is to be alone, each
// with no filter beside it, in another order each round.
func (g *gateway) groups(alone bool, round int) [][]*variant {
	none := g.find("none")
	if !alone || none == nil || len(g.variants) == 1 {
		return [][]*variant{g.variants}
	}
	var list [][]*variant
	for _, v := range g.variants {
		if v != none {
			list = append(list, []*variant{none, v})
		}
	}
	n := round % len(list)
	return append(list[n:], list[:n]...)
}

// find returns the variant of that name, nil if it was not asked for.
func (g *gateway) find(name string) *variant {
	for _, v := range g.variants {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// bootstrap renders the configuration of an Envoy with these variants.
func (g *gateway) bootstrap(variants ...*variant) (string, error) {
	var b strings.Builder
	err := bootstrapTemplate.Execute(&b, struct {
		*gateway
		Variants []*variant
	}{g, variants})
	return b.String(), err
}
