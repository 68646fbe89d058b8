package wellknown

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"mcpauth/config"
)

// RFC 7396, appendix A, all of it.
func TestMergePatch(t *testing.T) {
	for _, test := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Names are compared as they read, not as they are written, and have
		// none of the meaning that gjson's paths give to them.
		{`{"\u0061":1,"b":2}`, `{"a":null}`, `{"b":2}`},
		{`{"a":1}`, `{"\u0061":2}`, `{"a":2}`},
		{`{"abc":1,"a.c":2,"a":{"c":3}}`, `{"a*":4,"a.c":null,"@this":5}`, `{"abc":1,"a":{"c":3},"a*":4,"@this":5}`},
		{" {\n\"a\" : 1 ,\"b\":[ 1 ]} ", ` { "c" : 2 } `, `{"a":1,"b":[1],"c":2}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
	} {
		got, err := MergePatch([]byte(test[0]), []byte(test[1]))
		if err != nil || !sameJSON(t, string(got), test[2]) {
			t.Errorf("%s + %s = %s, %v, want %s", test[0], test[1], got, err, test[2])
		}
	}
	for _, bad := range [][2]string{{`{`, `{}`}, {`{}`, `{`}, {``, `{}`}} {
		if got, err := MergePatch([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%s + %s = %s", bad[0], bad[1], got)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Errorf("%s: %v", a, err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Errorf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

// The pseudo-code of RFC 7396, section 2, over Go's own JSON.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	o, ok := target.(map[string]any)
	if !ok {
		o = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(o, name)
		} else {
			o[name] = mergePatch(o[name], value)
		}
	}
	return o
}

func FuzzMergePatch(f *testing.F) {
	f.Add(`{"a":{"b":1},"c":[2]}`, `{"a":{"b":null,"d":{"e":null}},"c":null}`)
	f.Fuzz(func(t *testing.T, doc, patch string) {
		var d, p any
		if json.Unmarshal([]byte(doc), &d) != nil || json.Unmarshal([]byte(patch), &p) != nil ||
			duplicates(doc) || duplicates(patch) || !Valid([]byte(doc)) || !Valid([]byte(patch)) {
			return
		}
		got, err := MergePatch([]byte(doc), []byte(patch))
		var g any
		if err != nil || json.Unmarshal(got, &g) != nil || !reflect.DeepEqual(g, mergePatch(d, p)) {
			t.Errorf("%s + %s = %s, %v", doc, patch, got, err)
		}
	})
}

// duplicates reports whether a name may be twice in one object, for which the
// RFC has no rule. Two anywhere are taken for that.
func duplicates(text string) bool {
	seen := map[string]bool{}
	d := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok {
			if seen[s] {
				return true
			}
			seen[s] = true
		}
	}
}

const named = `{"issuer":"https://a","jwks_uri":"https://a/k"}`

func TestParseServerMetadata(t *testing.T) {
	for _, test := range []struct{ document, overrides, want string }{
		{named, ``, ""},
		{named, `{"jwks_uri":"https://b/k"}`, ""},
		{`{"issuer":"https://login/{tenantid}"}`, `{"issuer":"https://a"}`, ""},
		{`{}`, `{"issuer":"https://a"}`, ""},
		{`{"issuer":"https://login/{tenantid}"}`, `{"jwks_uri":"https://b/k"}`, `the metadata names the issuer "https://login/{tenantid}", not "https://a"`},
		{named, `{"issuer":null}`, `the metadata names the issuer "", not "https://a"`},
		{`{"issuer":["https://a"]}`, ``, `the metadata names the issuer "", not "https://a"`},
		{`[` + named + `]`, `{"issuer":"https://a"}`, "the metadata is not a JSON object"},
		{`<html>`, `{"issuer":"https://a"}`, "the metadata is not JSON of at most 32 levels"},
		{`{"issuer":"https://a","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, ``, "the metadata is not JSON of at most 32 levels"},
		{`{"issuer":"https://a","x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, ``, ""},
		{`{"issuer":"https://a","x":"` + strings.Repeat(`[\"{`, 40) + `"}`, ``, ""},
		{strings.Repeat("[", 250_000), ``, "the metadata is not JSON of at most 32 levels"},
	} {
		server := &config.AuthorizationServer{Issuer: "https://a", Source: config.KeySource{Overrides: test.overrides}}
		got, err := ParseServerMetadata([]byte(test.document), server)
		if test.want == "" && err == nil {
			if !json.Valid([]byte(got.Raw)) {
				t.Errorf("%s + %s = %s", test.document, test.overrides, got.Raw)
			}
			continue
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%s + %s: %v, want %s", test.document, test.overrides, err, test.want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, test := range []struct {
		metadata string
		insecure bool
		want     string
	}{
		{`{"jwks_uri":"https://a/k?x"}`, false, ""},
		{`{"jwks_uri":"http://127.0.0.1/k"}`, false, ""},
		{`{"jwks_uri":"http://a/k"}`, true, ""},
		{`{"jwks_uri":"http://a/k"}`, false, `jwks_uri "http://a/k": must use https`},
		{`{"jwks_uri":"/k"}`, true, `jwks_uri "/k": must be an absolute URL that starts with https://`},
		{`{"jwks_uri":1}`, true, "the metadata has no jwks_uri"},
		{`{"JWKS_URI":"https://a/k"}`, true, "the metadata has no jwks_uri"},
	} {
		u, err := Endpoint(gjson.Parse(test.metadata), "jwks_uri", test.insecure)
		switch {
		case test.want == "" && (err != nil || !strings.Contains(test.metadata, u.Raw)):
			t.Errorf("%s: %v, %v", test.metadata, u, err)
		case test.want != "" && (err == nil || err.Error() != test.want):
			t.Errorf("%s: %v, want %s", test.metadata, err, test.want)
		}
	}
}
