package config

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// metadataKind says what a known member of protected resource metadata (RFC 9728, section
// 2) may be. Other members may have any value that is not empty.
type metadataKind uint8

const (
	metadataOwn    metadataKind = iota + 1 // set by the gateway, from a member of the resource
	metadataBearer                         // set by the gateway
	metadataURL                            // a URL
	metadataPage                           // the URL of a document for people
	metadataName                           // a text for people
	metadataText                           // a text
	metadataList                           // an array of uniqueStrings

	metadataBound // what value.mutualTLS and value.dpop check: the gateway sets it by mutual_tls or dpop
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
	{tlsBoundMember, metadataBound},
	{dpopBoundMember, metadataBound},
	{dpopAlgorithmsMember, metadataBound},
}

// kindOf returns the kind of a member, or 0 if its name is not known.
func kindOf(name string) metadataKind {
	for i := range metadataMembers {
		if metadataMembers[i].name == name {
			return metadataMembers[i].kind
		}
	}
	return 0
}

// resourceMetadata reads the member metadata of a resource.
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

// metadataMember checks one member of a resource's metadata.
func (v *value) metadataMember(allowHTTP bool) {
	if v.name == "" {
		v.fail("must have a name")
		return
	}
	if v.isEmptyValue() {
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
		// Members for people may have variants in other languages, such as
		// resource_name#en (RFC 9728, section 2.1).
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
		v.nonEmptyString()
	case metadataList:
		list := uniqueStrings(v.array(), (*value).nonEmptyString)
		if name == "resource_signing_alg_values_supported" && slices.Contains(list, "none") {
			v.fail("must not have none") // RFC 9728, section 2
		}
	case metadataBound: // it depends on other members of the resource
	default:
		v.uniqueNames()
	}
}

// isEmptyValue reports whether a value is null, an empty string or an empty array. RFC
// 9728, section 2, requires that such members are left out.
func (v *value) isEmptyValue() bool {
	if v.json.IsArray() {
		return len(v.children()) == 0
	}
	return v.json.Type == gjson.Null || v.json.Type == gjson.String && v.json.Str == ""
}

// page reads the URL of a document for people, which may have a fragment.
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

// uniqueNames refuses duplicate members at any depth of a value that is published
// unchanged.
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

// isLanguageTag reports whether s has the form of a language tag (RFC 5646, section 2.1):
// subtags of one to eight letters and digits, of which the first has letters only.
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
