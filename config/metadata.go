package config

import (
	"strings"

	"github.com/tidwall/gjson"
)

// metadataKind is what a member of protected resource metadata (RFC 9728,
// section 2) may hold. Members of other names may hold anything but nothing.
type metadataKind uint8

const (
	metadataOwn    metadataKind = iota + 1 // set by the gateway from the member of the resource
	metadataBearer                         // set by the gateway
	metadataURL                            // a URL
	metadataPage                           // a URL of something that people read
	metadataName                           // a text that people read
	metadataText                           // a text
	metadataList                           // an array of texts

	// Those that promise a proof of possession, which the gateway cannot
	// check: it refuses tokens that are bound to one.
	metadataProof
	metadataProofAlg
)

var metadataMembers = []struct {
	name string
	kind metadataKind
}{
	{"resource", metadataOwn},
	{"authorization_servers", metadataOwn},
	{"scopes_supported", metadataOwn},
	{"bearer_methods_supported", metadataBearer},
	{"jwks_uri", metadataURL},
	{"resource_documentation", metadataPage},
	{"resource_policy_uri", metadataPage},
	{"resource_tos_uri", metadataPage},
	{"resource_name", metadataName},
	{"signed_metadata", metadataText},
	{"resource_signing_alg_values_supported", metadataList},
	{"authorization_details_types_supported", metadataList},
	{"tls_client_certificate_bound_access_tokens", metadataProof},
	{"dpop_bound_access_tokens_required", metadataProof},
	{"dpop_signing_alg_values_supported", metadataProofAlg},
}

// kindOf returns the kind of a member, 0 for other names.
func kindOf(name string) metadataKind {
	for i := range metadataMembers {
		if metadataMembers[i].name == name {
			return metadataMembers[i].kind
		}
	}
	return 0
}

// resourceMetadata reads further members of a resource's metadata.
func (v *value) resourceMetadata(allowHTTP bool) []Member {
	if !v.object() {
		return nil
	}
	var list []Member
	for _, m := range v.members {
		m.metadataMember(allowHTTP)
		list = append(list, Member{Name: m.name, Raw: strings.Clone(m.json.Raw)})
	}
	return list
}

func (v *value) metadataMember(allowHTTP bool) {
	if v.name == "" {
		v.fail("must have a name")
		return
	}
	if v.isNothing() {
		v.fail("must be left out if it has no value")
		return
	}
	name, language, variant := strings.Cut(v.name, "#")
	kind := kindOf(name)
	if folded := strings.ToLower(name); kind == 0 && kindOf(folded) != 0 {
		// Go's encoding/json, of several spellings, takes the last.
		v.fail("must be written " + folded + ": some clients do not tell upper from lower case")
		return
	}
	if variant && kind != 0 {
		// What people read may have variants such as resource_name#en
		// (RFC 9728, section 2.1).
		if kind != metadataPage && kind != metadataName {
			v.fail("must not have a language tag: people do not read " + name)
			return
		}
		if !isLanguageTag(language) {
			v.fail("must have a language tag, such as " + name + "#en")
			return
		}
	}
	switch kind {
	case metadataOwn:
		v.fail("must not be here: the gateway publishes the " + name + " beside metadata")
	case metadataBearer:
		v.fail(`must not be here: the gateway publishes ["header"]`)
	case metadataURL:
		v.url(allowHTTP)
	case metadataPage:
		v.page(allowHTTP)
	case metadataName, metadataText:
		v.text()
	case metadataList:
		texts(v.array(), (*value).text)
	case metadataProof, metadataProofAlg:
		if kind == metadataProofAlg || v.bool() {
			v.fail("not supported yet: the gateway cannot check the proof of possession")
		}
	default:
		v.uniqueNames()
	}
}

// isNothing reports whether a value is null, an empty string or an empty
// array. RFC 9728, section 2, wants such members left out.
func (v *value) isNothing() bool {
	if v.json.IsArray() {
		return len(v.children()) == 0
	}
	return v.json.Type == gjson.Null || v.json.Type == gjson.String && v.json.Str == ""
}

// page reads the URL of something to read, which may have a fragment.
func (v *value) page(allowHTTP bool) {
	s, ok := v.string()
	if !ok {
		return
	}
	address, fragment, _ := strings.Cut(s, "#")
	if !isURLText(fragment, "/?") {
		v.fail(faultEncoding)
		return
	}
	v.parseURL(address, allowHTTP)
}

// uniqueNames refuses duplicate members at any depth of a value that is
// published as it stands.
func (v *value) uniqueNames() {
	if v.json.IsObject() {
		v.object()
	}
	list := v.members
	if v.json.IsArray() {
		list = v.children()
	}
	for _, child := range list {
		child.uniqueNames()
	}
}

// isLanguageTag reports whether s has the shape of a language tag (RFC 5646,
// section 2.1): subtags of one to eight letters and digits, the first of them
// letters.
func isLanguageTag(s string) bool {
	for i, subtag := range strings.Split(s, "-") {
		if subtag == "" || len(subtag) > 8 {
			return false
		}
		for j := 0; j < len(subtag); j++ {
			if !isAlpha(subtag[j]) && (i == 0 || !isDigit(subtag[j])) {
				return false
			}
		}
	}
	return true
}
