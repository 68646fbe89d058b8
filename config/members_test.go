package config

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// The schema and the parser must know the same members: one that is missing in
// the schema is an error in the user's editor, one that is missing in the
// parser an error at start.
func TestSchemaAndParserKnowTheSameMembers(t *testing.T) {
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	at := func(steps ...string) map[string]any {
		v := schema
		for _, step := range steps {
			v = v.(map[string]any)[step]
		}
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("the schema has no object at %v", steps)
		}
		return object
	}
	var metadataKnown []string
	for _, m := range metadataMembers {
		metadataKnown = append(metadataKnown, m.name)
	}
	checked := 0
	for _, c := range []struct {
		parser []string
		schema []string
		open   bool // further members are allowed
	}{
		{parser: documentMembers},
		{parser: tokenCacheMembers, schema: []string{"properties", "token_cache"}},
		{parser: dpopNonceMembers, schema: []string{"properties", "dpop_nonce"}},
		{parser: serverMembers, schema: []string{"$defs", "authorization_server"}},
		{parser: []string{"issuer", "jwks_uri", "introspection_endpoint"}, schema: []string{"$defs", "authorization_server", "properties", "metadata"}, open: true},
		{parser: []string{"issuer", "jwks_uri", "introspection_endpoint"}, schema: []string{"$defs", "authorization_server", "properties", "metadata_overrides"}, open: true},
		{parser: []string{"keys"}, schema: []string{"$defs", "authorization_server", "properties", "jwks"}, open: true},
		{parser: publicKeyMembers, schema: []string{"$defs", "authorization_server", "properties", "public_keys", "items"}},
		{parser: introspectionMembers, schema: []string{"$defs", "introspection"}},
		{parser: oauthProxyMembers, schema: []string{"$defs", "oauth_proxy"}},
		{parser: clientDocumentMembers, schema: []string{"$defs", "oauth_proxy", "properties", "client_id_metadata_documents", "items"}},
		{parser: consentPageMembers, schema: []string{"$defs", "oauth_proxy", "properties", "consent_page"}},
		{parser: userinfoMembers, schema: []string{"$defs", "userinfo"}},
		{parser: mappedClaims, schema: []string{"$defs", "userinfo", "properties", "claims"}},
		{parser: resourceMembers, schema: []string{"$defs", "resource"}},
		{parser: ruleMembers, schema: []string{"$defs", "rule"}},
		{parser: publicMembers, schema: []string{"$defs", "resource", "properties", "public"}},
		{parser: matchMembers, schema: []string{"$defs", "resource", "properties", "match"}},
		{parser: metadataKnown, schema: []string{"$defs", "resource", "properties", "metadata"}, open: true},
		{parser: claimToHeaderMembers, schema: []string{"$defs", "resource", "properties", "claim_to_headers", "items"}},
	} {
		object := at(c.schema...)
		var names []string
		for name, property := range at(append(c.schema, "properties")...) {
			names = append(names, name)
			if !describes(t, schema, property) {
				t.Errorf("%v: %s has no description", c.schema, name)
			}
		}
		slices.Sort(names)
		if want := slices.Sorted(slices.Values(c.parser)); !slices.Equal(names, want) {
			t.Errorf("%v: the schema has %v, the parser %v", c.schema, names, want)
		}
		if closed := object["additionalProperties"] == false; closed == c.open {
			t.Errorf("%v: additionalProperties is %v", c.schema, object["additionalProperties"])
		}
		checked++
	}
	if all := count(schema); all != checked {
		t.Errorf("the schema has %d objects with properties, of which this test knows %d", all, checked)
	}
}

// describes reports whether a property has a description, of its own or of the
// definition that it refers to.
func describes(t *testing.T, schema, property any) bool {
	p := property.(map[string]any)
	if _, ok := p["description"]; ok {
		return true
	}
	if ref, ok := p["$ref"].(string); ok {
		definition := schema.(map[string]any)["$defs"].(map[string]any)[ref[len("#/$defs/"):]]
		return describes(t, schema, definition)
	}
	return false
}

// count returns how many objects with properties a schema defines; what stands
// in a condition has no type.
func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
			n++
		}
		for _, each := range v {
			n += count(each)
		}
	case []any:
		for _, each := range v {
			n += count(each)
		}
	}
	return n
}

// Every member that says where keys come from must be a member at all.
func TestMemberLists(t *testing.T) {
	for _, name := range sourceMembers {
		if !slices.Contains(serverMembers, name) {
			t.Errorf("%s is no member of an authorization server", name)
		}
	}
}
