package config

import "strings"

var clientDocumentMembers = []string{"url", "cluster"}

// A ClientDocument names client ID metadata documents
// (draft-ietf-oauth-client-id-metadata-document) that oauth_proxy accepts. The client ID
// is the URL of its document.
type ClientDocument struct {
	// URL is the URL of one document. If it ends in "/*", it stands for every URL with a
	// plain path below that slash.
	URL string

	// Cluster is the Envoy cluster through which the documents are fetched.
	Cluster string
}

const faultDocumentURL = "must be the https URL of a client ID metadata document, or one that ends in /* to stand for all below it: " +
	"with a path, host and scheme in lower case, no port 443, no query, no fragment, no dot segments, no doubled slashes, no percent-encoding and no other *"

// clientDocuments reads client_id_metadata_documents, which may be absent.
func (v *value) clientDocuments() (list []ClientDocument) {
	var urls []*value
	for _, m := range v.array() {
		if m.closedObject(clientDocumentMembers) {
			list = append(list, ClientDocument{Cluster: m.require("cluster").nonEmptyString()})
			urls = append(urls, m.require("url"))
		}
	}
	for i, url := range uniqueStrings(urls, (*value).documentURL) {
		list[i].URL = url
	}
	return list
}

// documentURL reads the URL of a client ID metadata document, or the beginning of several.
func (v *value) documentURL() string {
	s, ok := v.string()
	base := s
	if strings.HasSuffix(s, "/*") {
		base = strings.TrimSuffix(s, "*")
	}
	if ok && !isDocumentURL(base) {
		v.fail(faultDocumentURL)
		return ""
	}
	return s
}

// isDocumentURL reports whether a URL can be that of a client ID metadata document
// (section 3 of the draft). Every parser leaves it unchanged.
func isDocumentURL(s string) bool {
	u, err := ParseURL(s)
	return err == nil && u.Scheme == "https" && u.Query == "" && IsPlainURI(s, false) && strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '*') < 0
}

// Matches reports whether a client ID is the URL of a document that d names. It compares
// byte for byte. The part that stands for "*" has unreserved characters and single slashes
// alone, so that every parser reads it alike.
func (d *ClientDocument) Matches(id string) bool {
	prefix, ok := strings.CutSuffix(d.URL, "*")
	if !ok {
		return id == d.URL
	}
	below, ok := strings.CutPrefix(id, prefix)
	return ok && len(id) <= maxURLLength && IsPlainPath(below)
}

// IsPlainPath reports whether s consists of segments, with slashes between, that every
// parser reads the same way: they have unreserved characters alone (RFC 3986, section
// 2.3), and none is empty or a dot segment.
func IsPlainPath(s string) bool {
	for rest, more := s, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for i := 0; i < len(segment); i++ {
			if !isUnreserved(segment[i]) {
				return false
			}
		}
	}
	return true
}
