package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A message is a JSON-RPC message, or what the headers say of one.
type message struct {
	method, name       string
	hasMethod, hasName bool
	response           bool // it has a member of responses
}

// A body is what a body says.
type body struct {
	list   []message
	batch  bool
	refuse bool // docs/rules.md, "What is refused"
	strict bool // the gateway may refuse it: names with half a surrogate pair or control characters
}

// readBody reads a body: docs/rules.md, "What is refused".
func readBody(text string) (b body) {
	raw := bytes.TrimSpace([]byte(text))
	if checkJSON([]byte(text)) != nil || depth(raw) > 512 {
		return body{refuse: true}
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		list, b.batch = nil, true
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			return body{refuse: true}
		}
	}
	for _, one := range list {
		b.readMessage(one)
	}
	return b
}

func (b *body) readMessage(raw []byte) {
	object, ok := members(raw)
	if !ok {
		b.refuse = true
		return
	}
	var m message
	top := b.unique(object, "method", "params")
	for _, member := range object {
		if strings.EqualFold(member.name, "result") || strings.EqualFold(member.name, "error") {
			m.response = true
		}
	}
	params, isObject := members(top["params"])
	if isObject {
		named := b.unique(params, "name", "uri")
		m.method, _ = b.string(top["method"])
		key := "name"
		if strings.HasPrefix(m.method, "resources/") {
			key = "uri"
		}
		m.name, m.hasName = b.string(named[key])
		for _, raw := range named {
			b.string(raw)
		}
	}
	if method := top["method"]; method != nil {
		m.hasMethod = true
		if m.method, ok = b.string(method); !ok {
			b.refuse = true
		}
		if _, isObject := members(method); isObject {
			b.strict = true
		}
	}
	m.hasName = m.hasName && slices.Contains(namedMethods, m.method)
	if !plainText(m.method) {
		b.refuse = b.refuse || m.hasMethod
	}
	b.list = append(b.list, m)
}

// unique returns the members of an object with these names, and refuses it if one is there
// twice, in another case, or beside "__proto__".
func (b *body) unique(object []member, names ...string) map[string]json.RawMessage {
	found := map[string]json.RawMessage{}
	for _, m := range object {
		if m.name == "__proto__" {
			b.refuse = true
		}
		if !m.clean || strings.ContainsFunc(m.name, func(c rune) bool { return c < ' ' || c > '~' }) {
			b.strict = true
		}
		for _, name := range names {
			if strings.EqualFold(m.name, name) {
				b.refuse = b.refuse || m.name != name || found[name] != nil
				found[name] = m.raw
			}
		}
	}
	return found
}

// string returns a string, and refuses half a surrogate pair in it.
func (b *body) string(raw json.RawMessage) (string, bool) {
	s, ok := text(raw)
	b.refuse = b.refuse || ok && hasLoneSurrogate(raw)
	return s, ok
}

// plainText reports whether a method or a name has no white space at its ends and no control
// characters.
func plainText(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	isSpace := func(c rune) bool { return unicode.IsSpace(c) || c == '\uFEFF' }
	return !isSpace(first) && !isSpace(last) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

var namedMethods = []string{"tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe"}

// A need is what an operation needs, besides what every request needs.
type need struct {
	rule
	incomplete bool // it depends on a name that is not there
	refuse     bool // the name is refused
	strict     bool // the name may be refused
}

// ofMethods has the rules for methods themselves: no method ends with white space.
const ofMethods = "methods "

// table returns the rules for the names of a method, with what is public, nil if there are
// none.
func (r *resource) table(method string) map[string]rule {
	rules, open := map[string]rule(nil), []string(nil)
	p := r.Public
	if p == nil {
		p = &public{}
	}
	switch method {
	case "tools/call":
		rules, open = r.Tools, p.Tools
	case "prompts/get":
		rules, open = r.Prompts, p.Prompts
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		rules, open = r.URIs, p.Resources
	case ofMethods:
		rules, open = r.Methods, p.Methods
		if p.Lists {
			open = append(slices.Clone(open), "tools/list", "prompts/list", "resources/list", "resources/templates/list")
		}
	}
	if len(rules)+len(open) == 0 {
		return nil
	}
	all := maps.Clone(rules)
	if all == nil {
		all = map[string]rule{}
	}
	for _, pattern := range open {
		all[pattern] = rule{public: true}
	}
	return all
}

// specific returns the most specific rule for a name.
func specific(table map[string]rule, name string) rule {
	best, found := "", rule{}
	if exact, ok := table[name]; ok && !strings.HasSuffix(name, "*") {
		return exact
	}
	for pattern, r := range table {
		if strings.HasSuffix(pattern, "*") && matches(pattern, name) && len(pattern) > len(best) {
			best, found = pattern, r
		}
	}
	return found
}

// needOf returns what a message needs: docs/rules.md, "Rules per operation" and "Open
// operations".
func (r *resource) needOf(m *message) (n need) {
	if !m.hasMethod {
		return need{incomplete: true}
	}
	n.rule = specific(r.table(ofMethods), m.method)
	names := r.table(m.method)
	if names == nil {
		return n
	}
	if !m.hasName {
		n.incomplete, n.public = true, false
		return n
	}
	n.refuse = !plainText(m.name)
	if strings.HasPrefix(m.method, "resources/") {
		n.strict = !plainURI.MatchString(m.name) || strings.Contains(m.name+"/", "/./") || strings.Contains(m.name+"/", "/../")
		n.refuse = n.refuse || isUnclearURI(m.name)
	}
	named := specific(names, m.name)
	if named.public {
		n.rule = named
		return n
	}
	n.rule = rule{Scopes: append(slices.Clone(n.Scopes), named.Scopes...), Claims: join(n.Claims, named.Claims)}
	return n
}

func join(a, b requiredClaims) requiredClaims {
	all := maps.Clone(b)
	if all == nil {
		all = requiredClaims{}
	}
	for name, values := range a {
		if all[name] != nil {
			panic("the configurations of the cases have no two rules with one claim for an operation")
		}
		all[name] = values
	}
	return all
}

var plainURI = regexp.MustCompile(`^[a-z]+:(//[a-z0-9]*)?(/[A-Za-z0-9_~-]+)*$`)

// isUnclearURI reports whether a URI is one that docs/rules.md, "What is refused", names.
func isUnclearURI(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.User != nil || strings.Contains(uri, "#") || strings.ToLower(u.Scheme) != uri[:len(u.Scheme)] {
		return true
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] > '~' {
			return true
		}
	}
	p := u.EscapedPath() + u.Opaque
	for _, segment := range strings.Split(p, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return strings.Contains(p, "//") || unclearEscape.MatchString(uri)
}

// unclearEscape is a percent-encoded letter, digit, "-._~", "/" or "\".
var unclearEscape = regexp.MustCompile(`(?i)%(2[df]|3[0-9]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae]|2e)`)

// mcpHeaders are the headers that repeat parts of a body.
type mcpHeaders struct {
	message
	refuse    bool // malformed
	validated bool // their version has servers compare them with the body
	plain     bool // every server reads them alike
}

// readMCPHeaders follows docs/rules.md, "What decides" and "What is refused".
func readMCPHeaders(headers [][2]string) (h mcpHeaders) {
	methods, names, versions := values(headers, "mcp-method"), values(headers, "mcp-name"), values(headers, "mcp-protocol-version")
	h.plain = true
	read := func(list []string, isMethod bool) (s string, has bool) {
		if len(list) == 0 {
			return "", false
		}
		s, ok, encoded := decodeHeader(list[0])
		h.refuse = h.refuse || len(list) > 1 || !ok
		h.plain = h.plain && s != "" && !strings.HasPrefix(s, "=?") && (encoded || !strings.Contains(s, ",")) && !(isMethod && !methodHeader.MatchString(list[0]))
		return s, true
	}
	h.method, h.hasMethod = read(methods, true)
	h.name, h.hasName = read(names, false)
	for _, v := range versions {
		h.refuse = h.refuse || len(versions) > 1 || !fieldValue.MatchString(v)
	}
	h.validated = len(versions) == 1 && isDate.MatchString(versions[0]) && versions[0] >= "2026-07-28"
	h.plain = h.plain && h.hasMethod
	return h
}

var (
	fieldValue   = regexp.MustCompile(`^([!-~]([ -~]*[!-~])?)?$`)
	isDate       = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	methodHeader = regexp.MustCompile(`^[A-Za-z0-9/_.$-]+$`)
	encodedValue = regexp.MustCompile(`^=\?base64\?(.*)\?=$`)
)

func decodeHeader(v string) (s string, ok, isEncoded bool) {
	if m := encodedValue.FindStringSubmatch(v); m != nil {
		b, err := base64.StdEncoding.Strict().DecodeString(m[1])
		return string(b), err == nil && utf8.Valid(b) && base64.StdEncoding.EncodeToString(b) == m[1], true
	}
	return v, fieldValue.MatchString(v), false
}

// values returns the values of a header.
func values(headers [][2]string, name string) (list []string) {
	for _, h := range headers {
		if h[0] == name {
			list = append(list, h[1])
		}
	}
	return list
}

// respells reports whether some servers take a name for another one.
func respells(name, want string) bool {
	return name != want && headerKey(name) == want
}

// headerKey returns a name with "-" for all that is no letter and no digit.
func headerKey(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return '-'
	}, name)
}
