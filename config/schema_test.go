package config_test

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"mcpauth/config"
)

// schema is schema.json, compiled.
var schema = sync.OnceValue(func() *jsonschema.Schema {
	doc := must(jsonschema.UnmarshalJSON(bytes.NewReader(must(os.ReadFile("schema.json")))))
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		panic(err)
	}
	return must(c.Compile("schema.json"))
})

func schemaError(doc string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		return err
	}
	return schema().Validate(v)
}

func TestGoodDocuments(t *testing.T) {
	all := maps.Clone(goodDocuments)
	for name, doc := range goodProxies {
		all["oauth proxy/"+name] = doc
	}
	for name, doc := range goodIntrospections {
		all["introspection/"+name] = doc
	}
	for name, doc := range goodTenants {
		all["tenants/"+name] = doc
	}
	for name, doc := range all {
		t.Run(name, func(t *testing.T) {
			if _, err := config.Parse([]byte(doc)); err != nil {
				t.Errorf("Parse: %v", err)
			}
			if err := schemaError(doc); err != nil {
				t.Errorf("schema: %v", err)
			}
		})
	}
}

func TestBadDocuments(t *testing.T) {
	for group, docs := range map[string][]badDocument{"top": badTops, "authorization servers": badServers, "introspection": badIntrospections, "oauth proxy": badProxies, "resources": badResources, "rules": badRules, "tenants": badTenants} {
		for _, bad := range docs {
			t.Run(group+"/"+bad.name, func(t *testing.T) {
				c, err := config.Parse([]byte(bad.doc))
				if c != nil || err == nil {
					t.Fatal("Parse accepted", bad.doc)
				}
				if want := strings.Join(bad.want, "\n"); err.Error() != want {
					t.Errorf("Parse: got\n%v\nwant\n%s", err, want)
				}
				switch err := schemaError(bad.doc); {
				case bad.parserOnly && err != nil:
					t.Errorf("marked as seen by the parser only, but the schema has it too: %v", err)
				case !bad.parserOnly && err == nil:
					t.Error("the schema accepted", bad.doc)
				}
			})
		}
	}
}
