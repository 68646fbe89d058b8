package config

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Members of protected resource metadata (RFC 9728, section 2) by what they
// may hold. Members of other names may hold anything but nothing.
var (
	// Those that the gateway sets itself.
	metadataOwn = []string{"resource", "authorization_servers", "scopes_supported", "bearer_methods_supported"}

	metadataURLs    = []string{"jwks_uri"}
	metadataPages   = []string{"resource_documentation", "resource_policy_uri", "resource_tos_uri"}
	metadataStrings = []string{"resource_name", "signed_metadata"}
	metadataLists   = []string{"resource_signing_alg_values_supported", "authorization_details_types_supported"}

	// Those that promise a proof of possession, which the gateway cannot
	// check: it refuses tokens that are bound to one.
	metadataProofs    = []string{"tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens_required"}
	metadataProofAlgs = []string{"dpop_signing_alg_values_supported"}

	// Those that people read, which may have variants such as
	// resource_name#en (RFC 9728, section 2.1).
	metadataReadable = append([]string{"resource_name"}, metadataPages...)

	metadataKnown = slices.Concat(metadataOwn, metadataURLs, metadataPages, metadataStrings, metadataLists, metadataProofs, metadataProofAlgs)
)

// resourceMetadata reads further members of a resource's metadata.
func (v value) resourceMetadata(allowHTTP bool) []Member {
	o, _ := v.object()
	var list []Member
	for _, m := range o.members {
		m.metadataMember(allowHTTP)
		list = append(list, Member{Name: m.name, Raw: strings.Clone(m.json.Raw)})
	}
	return list
}

func (m member) metadataMember(allowHTTP bool) {
	name, language, variant := strings.Cut(m.name, "#")
	readable := slices.Contains(metadataReadable, name)
	switch {
	case m.name == "":
		m.fail("must have a name")
	case isNothing(m.json):
		m.fail("must be left out if it has no value")
	case variant && readable && !isLanguageTag(language):
		m.fail("must have a language tag, such as " + name + "#en")
	case variant && !readable && slices.Contains(metadataKnown, name):
		m.fail("must not have a language tag: people do not read " + name)
	case variant && !readable:
		m.uniqueNames()

	case slices.Contains(metadataOwn, name):
		if slices.Contains(resourceMembers, name) {
			m.fail("must not be here: the gateway publishes the " + name + " beside metadata")
		} else {
			m.fail(`must not be here: the gateway publishes ["header"]`)
		}
	case slices.Contains(metadataURLs, name):
		m.url(allowHTTP)
	case slices.Contains(metadataPages, name):
		m.page(allowHTTP)
	case slices.Contains(metadataStrings, name):
		m.text()
	case slices.Contains(metadataLists, name):
		m.list(value.text)
	case slices.Contains(metadataProofs, name):
		if m.bool() {
			m.fail("not supported yet: the gateway cannot check the proof of possession")
		}
	case slices.Contains(metadataProofAlgs, name):
		m.fail("not supported yet: the gateway cannot check the proof of possession")
	default:
		m.uniqueNames()
	}
}

// isNothing reports whether a value is null or has no elements. RFC 9728,
// section 2, wants such members left out.
func isNothing(json gjson.Result) bool {
	if json.IsArray() {
		empty := true
		json.ForEach(func(_, _ gjson.Result) bool {
			empty = false
			return false
		})
		return empty
	}
	return json.Type == gjson.Null || json.Type == gjson.String && json.Str == ""
}

// page reads the URL of something to read, which may have a fragment.
func (v value) page(allowHTTP bool) {
	s, ok := v.string()
	if !ok {
		return
	}
	address, fragment, _ := strings.Cut(s, "#")
	if !isURLText(fragment, "/?") {
		v.fail("must be a URL with valid percent-encoding and no character that needs it")
		return
	}
	v.parseURL(address, allowHTTP)
}

// uniqueNames refuses duplicate members at any depth of a value that is
// published as it stands.
func (v value) uniqueNames() {
	switch {
	case v.json.IsObject():
		o, _ := v.object()
		for _, m := range o.members {
			m.uniqueNames()
		}
	case v.json.IsArray():
		elements, _ := v.array()
		for _, element := range elements {
			element.uniqueNames()
		}
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
