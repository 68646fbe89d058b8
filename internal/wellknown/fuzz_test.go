package wellknown

import (
	"encoding/json"
	"net/url"
	"testing"

	"mcpauth/config"
)

// FuzzServerMetadata: metadata is accepted only if it names the issuer, and a URL in it only
// if it is one of https.
func FuzzServerMetadata(f *testing.F) {
	for _, doc := range []string{named, `{"issuer":"https://b","jwks_uri":"https://a/k"}`, `{"issuer":"https://a","jwks_uri":"http://a/k"}`, `{"issuer":"https://a","jwks_uri":"https://u@a/k"}`,
		`{"Issuer":"https://a"}`, `{"issuer":"https://a","issuer":"https://b"}`, `{"\u0069ssuer":"https:\/\/a"}`, "\ufeff" + named, `[]`, `{"issuer":["https://a"]}`} {
		f.Add([]byte(doc))
	}
	server := &config.AuthorizationServer{Issuer: "https://a"}
	f.Fuzz(func(t *testing.T, doc []byte) {
		metadata, err := ParseServerMetadata(doc, server)
		if err != nil {
			return
		}
		var read map[string]json.RawMessage
		if err := json.Unmarshal(doc, &read); err != nil {
			t.Fatalf("%q is accepted: %v", doc, err)
		}
		if duplicates(string(doc)) {
			return // the first counts here, the last there
		}
		var issuer string
		if json.Unmarshal(read["issuer"], &issuer) != nil || issuer != "https://a" {
			t.Fatalf("%q is accepted", doc)
		}
		u, err := Endpoint(metadata, "jwks_uri", false)
		if err != nil {
			return
		}
		var uri string
		if json.Unmarshal(read["jwks_uri"], &uri) != nil || uri != u.Raw {
			t.Fatalf("%q has the jwks_uri %q", doc, u.Raw)
		}
		want, err := url.Parse(uri)
		if err != nil || want.Host == "" || want.User != nil || want.Scheme != "https" && !(want.Scheme == "http" && u.IsLoopback()) {
			t.Fatalf("%q is called: %v", uri, err)
		}
	})
}
