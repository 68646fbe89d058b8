package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../schema.json"

// TestPageIsUpToDate fails where somebody has changed the schema and not the
// page: `make docs` writes it.
func TestPageIsUpToDate(t *testing.T) {
	schema, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(schema)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/configuration.md is not what the schema says: run make docs")
	}
}

// TestExamplesAreValid checks each example against the schema of its member.
func TestExamplesAreValid(t *testing.T) {
	b, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		switch v := v.(type) {
		case []any:
			for _, each := range v {
				walk("", each)
			}
		case map[string]any:
			if examples, ok := v["examples"].([]any); ok {
				s, err := c.Compile("schema.json#" + pointer)
				if err != nil {
					t.Fatal(err)
				}
				for _, example := range examples {
					count++
					if err := s.Validate(example); err != nil {
						t.Errorf("%s: %v", pointer, err)
					}
				}
			}
			for name, each := range v {
				if name != "examples" && name != "default" {
					walk(pointer+"/"+strings.ReplaceAll(name, "~", "~0"), each)
				}
			}
		}
	}
	walk("", doc)
	if count < 80 {
		t.Errorf("%d examples", count)
	}
}

// TestIncompleteMembers: a member that says too little is a mistake, not a row
// with holes.
func TestIncompleteMembers(t *testing.T) {
	_, err := render([]byte(`{"properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/list"}},
		"$defs": {"list": {"type": "array", "items": {"properties": {"c": {"type": "boolean", "description": "C.", "examples": [true]}}}}}}`))
	want := []string{`a has no description`, `a has no "examples"`, `a has no "x-page"`, `b has no description`, `b has no "examples"`, `b has no "x-page"`, `b[].c has no "x-page"`}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v", err)
	}
}

func TestTypes(t *testing.T) {
	d := document{defs: parse(t, `{"url": {"type": "string"}, "n": {"type": "integer", "minimum": 1, "maximum": 2}}`)}
	for schema, want := range map[string]string{
		`{"$ref": "#/$defs/url"}`:                              "URL",
		`{"$ref": "#/$defs/n"}`:                                "integer, 1 to 2",
		`{"enum": ["a", "b"]}`:                                 "`\"a\"`, `\"b\"`",
		`{"const": false}`:                                     "`false`",
		`{"not": {}}`:                                          "not allowed",
		`{"type": "array", "items": {"type": "string"}}`:       "array of strings",
		`{"type": ["string", "array"]}`:                        "string or array",
		`{"oneOf": [{"const": "all"}, {"$ref": "#/$defs/n"}]}`: "`\"all\"` or integer, 1 to 2",
	} {
		if got := d.typeOf(parse(t, schema)); got != want {
			t.Errorf("%s: %s, want %s", schema, got, want)
		}
	}
}

func parse(t *testing.T, text string) *node {
	t.Helper()
	n := new(node)
	if err := n.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return n
}
