package oracle

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A Case is a request, with what the authorization server says if it is asked.
type Case struct {
	Configuration int         // the index in [Configurations]
	Headers       [][2]string // with :method, :authority and :path first; names are in lower case
	HasBody       bool        // the headers do not end the request
	Pieces        []string    // of the body
	Answer        Answer
}

// Body returns the whole body.
func (c *Case) Body() string { return strings.Join(c.Pieces, "") }

// String returns the case for a message.
func (c *Case) String() string {
	return fmt.Sprintf("configuration %d, headers %q, body %v %q, answer %+v", c.Configuration, c.Headers, c.HasBody, c.Pieces, c.Answer)
}

// Elsewhere returns the same request, with the same token, to another resource.
func (c *Case) Elsewhere() *Case {
	other := *c
	other.Headers = slices.Clone(c.Headers)
	all := allSettings[c.Configuration].Resources
	r := all[(len(c.Headers)+len(c.Body()))%len(all)]
	for i, h := range other.Headers {
		switch h[0] {
		case ":path":
			other.Headers[i][1] = cmp.Or(r.path(), "/")
		case ":authority":
			if other.Headers[i][1] = "mcp.example.com"; r.Match.Hosts != nil {
				other.Headers[i][1] = r.Match.Hosts[0]
			}
		}
	}
	return &other
}

// first returns the value of the first header of a name.
func (c *Case) first(name string) string {
	if list := values(c.Headers, name); len(list) > 0 {
		return list[0]
	}
	return ""
}

func (c *Case) last(name string) string {
	if list := values(c.Headers, name); len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

func (c *Case) has(name string) bool { return len(values(c.Headers, name)) > 0 }

// A generator makes one case.
type generator struct {
	choices
	text     string // goes to one place
	place    int    // which: see the places
	id       string // of the case, for opaque tokens: the gateway remembers what it was told
	settings *settings
	resource *resource
	c        *Case
}

// The places to which the text of a case goes.
const (
	pathPlace = iota
	authorityPlace
	authorizationPlace
	claimsPlace
	headerPlace
	bodyPlace
	namePlace
	mcpHeaderPlace
	originPlace
	contentTypePlace
	answerPlace
	headerNamePlace
	signaturePlace
	places
)

// NewCase returns the case of some bytes, each of which decides one thing. The text, which
// may be empty, stands in the request where one of the bytes puts it.
func NewCase(data []byte, text string) *Case {
	hash := sha256.Sum256(append(append([]byte{byte(len(data)), byte(len(data) >> 8)}, data...), text...))
	g := &generator{choices: choices{data}, text: text, place: -1, id: hex.EncodeToString(hash[:8]), c: &Case{}}
	if text != "" {
		g.place = g.below(places)
	}
	g.c.Configuration = g.below(len(Configurations))
	g.settings = allSettings[g.c.Configuration]
	g.resource = anyOf(&g.choices, g.settings.Resources...)
	g.requestLine()
	g.authorization()
	g.headers()
	g.body()
	if g.place == headerNamePlace {
		if name := headerName(text); name != "" && !known(name) {
			g.c.Headers = append(g.c.Headers, [2]string{name, "x"})
		}
	}
	return g.c
}

// put returns the text of the case at its place, and usual elsewhere.
func (g *generator) put(place int, usual string) string {
	if g.place == place {
		return headerValue(g.text)
	}
	return usual
}

// headerValue returns a text as Envoy lets it through: without NUL, CR and LF.
func headerValue(s string) string {
	return strings.NewReplacer("\x00", "", "\r", "", "\n", "").Replace(s)
}

// headerName returns a text as Envoy lets it through as a name, in lower case.
func headerName(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c):
			return c
		}
		return -1
	}, s)
}

// known reports whether the oracle would have to know what a header of this name does.
func known(name string) bool {
	switch name {
	case "authorization", "host", "origin", "upgrade", "connection", "accept", "accept-encoding", "content-type", "content-encoding",
		"access-control-request-method", "access-control-request-headers", "if-none-match",
		"mcp-method", "mcp-name", "mcp-protocol-version", "content-length", "transfer-encoding":
		return true
	}
	return false
}

func (g *generator) requestLine() {
	c := &g.choices
	authority := "mcp.example.com"
	if g.resource.Match.Hosts != nil {
		authority = pick(c, "bank.example.com", "a.bank.example.com", "a.b.bank.example.com")
	}
	if g.once(16) {
		authority = anyOf(c, "bank.example.com", "BANK.example.com", "bank.example.com.", "bank.example.com:8443", "bank.example.com:443", "u@bank.example.com",
			".bank.example.com", "xbank.example.com", "bank.example.com:", "", "mcp.example.com:1", "[::1]", "bank.example.com\\", "*.bank.example.com", "example.com")
	}
	path := g.resource.path() + pick(c, "", "/x", "/", "/docs/a", "?q=1", "/x/y_z.json")
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	switch {
	case g.once(8):
		path = ""
		for range 1 + g.below(6) {
			path += "/" + anyOf(c, "notes", "private", "files", "mcp", "users", "trusting", "docs", "x", "..", ".", "", "%2e%2e", "..;a", "%6eotes", "NOTES", "notes;v",
				"notes.", "notes%20", "%2fnotes", "%252e%252e", "%5cnotes", `..\notes`, "notes%3f", "mcp%3fx", "mcp%20", "mcp.", "mcp%23", "%C3%A9", "%", "docs%2f..", ".well-known", "oauth-protected-resource", "favicon.ico")
		}
	case g.once(16):
		path = anyOf(c, "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/notes", "/.well-known/openid-configuration", "/docs/a", "/docs/A.txt",
			"/favicon.ico", "/docs/../notes", "/docs/a?access_token=x", "/docs", "/notesx", "/other", "*", "", "/Notes", "/notes/Private")
	}
	if g.place == pathPlace {
		path = anyOf(c, "/", path, path+"/", path+"?") + headerValue(g.text)
	}
	method := pick(c, "POST", "GET", "DELETE", "OPTIONS", "HEAD", "PUT", "CONNECT")
	g.c.Headers = append(g.c.Headers, [2]string{":method", method}, [2]string{":authority", g.put(authorityPlace, authority)}, [2]string{":path", path}, [2]string{":scheme", "https"})
}

func (g *generator) add(name, value string) {
	g.c.Headers = append(g.c.Headers, [2]string{name, value})
}

// authorization adds the token, in one of the ways in which clients do.
func (g *generator) authorization() {
	token := g.token()
	if g.place == signaturePlace {
		token += headerValue(g.text)
	}
	value := "Bearer " + token
	if g.place == authorizationPlace {
		value = anyOf(&g.choices, "", "Bearer ", value, "bearer ") + headerValue(g.text)
		if g.resource.introspector() != nil {
			value += g.id
		}
	}
	if g.resource.Public != nil && g.below(3) == 2 {
		if g.once(16) {
			g.c.Headers[2][1] += anyOf(&g.choices, "?access_token=x", "?a=1&access_token=", "?ACCESS_TOKEN=x", "?acc%65ss_token=x")
		}
		return
	}
	switch g.below(64) {
	case 20, 21, 22, 23:
	case 24, 30, 31:
		g.add("authorization", anyOf(&g.choices, "bearer ", "BEARER\t", "Bearer  ", " Bearer ", "Bearer\t ")+token+anyOf(&g.choices, "", " ", "\t"))
	case 25:
		g.add("authorization", anyOf(&g.choices, "Basic YTpi", "Bearer", "", "Bearer ", token, "Token "+token, "Bearer,", "Basic YTpi, Bearer "+token))
	case 26:
		g.add("authorization", value+anyOf(&g.choices, ",", ", Bearer "+token, " x", ",Bearer x"))
	case 27:
		g.add("authorization", value)
		g.add("authorization", anyOf(&g.choices, value, "Bearer x", "", "Basic YTpi"))
	case 28:
		g.add(anyOf(&g.choices, "authorization-", "x-authorization", "authorizatio"), value)
	case 29:
		g.c.Headers[2][1] += "?access_token=" + token
	default:
		g.add("authorization", value)
	}
}

// headers adds headers of other kinds.
func (g *generator) headers() {
	c := &g.choices
	g.add("content-type", g.put(contentTypePlace, pick(c, "application/json", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "application/json; charset=utf-16", "text/plain", "application/json, text/plain", "")))
	g.add("accept", "application/json, text/event-stream")
	if g.once(8) {
		g.add("origin", g.put(originPlace, anyOf(c, "https://app.example.com", "https://mcp.example.com", "https://evil.example", "null", "https://example.com", "https://a.example.com.evil.example", "http://app.example.com", "https://x/.example.com")))
		if g.once(4) {
			g.add("access-control-request-method", "POST")
		}
		if g.once(8) {
			g.add("origin", "https://app.example.com")
		}
	}
	if g.once(4) {
		g.add(anyOf(c, "x-mcpauth-subject", "x_mcpauth_subject", "x-mcpauth-scope", "x.mcpauth-anything", "x-email", "x_email", "x-roles", "x.roles", "x-payload", "x-mcpauth-verdict", "x_mcpauth.verdict", "x-mcpauth-", "x-mcpauthx"), "mallory")
	}
	for _, h := range [...]struct {
		odds   int
		name   string
		values []string
	}{
		{24, "upgrade", []string{"websocket"}},
		{16, "connection", []string{"x-mcpauth-subject", "keep-alive"}},
		{8, "accept-encoding", []string{"gzip"}},
		{24, "content-encoding", []string{"gzip", "identity", "", "br"}},
		{32, "content_type", []string{"application/json", "application/json; charset=utf-16"}},
		{32, "content.encoding", []string{"gzip", "identity"}},
		{32, "mcp_method", []string{"tools/call"}},
		{32, "mcp.name", []string{"add"}},
		{32, "content_length", []string{"1"}},
	} {
		if g.once(h.odds) {
			g.add(h.name, anyOf(c, h.values...))
		}
	}
	if g.place == headerPlace {
		g.add(anyOf(c, "x-other", "x-mcpauth-client", "accept", "content-encoding", "if-none-match", "access-control-request-method", "content_type"), headerValue(g.text))
	}
}

// names are names of tools and prompts, and URIs.
var (
	toolNames = []string{"add", "purge_all", "purge_help", "open_door", "open_secret", "list", "purge_", "Add", " add", "add\u00a0", "a,b", "secret", "", "add\x00"}
	uris      = []string{"note:///a", "note:///archive/a", "note:///archive/../a", "note:///a/../archive/b", "NOTE:///archive/a", "note:///%61rchive/a", "note:///archive//a", "note:x", "note:///a b", "note:///archive", "http://h/a'b"}
	methods   = []string{"tools/call", "tools/list", "prompts/get", "resources/read", "initialize", "ping", "logging/setLevel", "notifications/x", "resources/subscribe", "prompts/list", "Tools/Call", "tools/call ", "completion/complete", ""}
)

// body adds the body, and the headers that repeat parts of it.
func (g *generator) body() {
	c := &g.choices
	method, name, uri := pick(c, methods...), pick(c, toolNames...), pick(c, uris...)
	if g.resource.Public != nil && g.below(2) == 1 {
		method, name = anyOf(c, "ping", "initialize", "tools/list", "tools/call", "prompts/get", "notifications/x", "resources/templates/list"), anyOf(c, "open_door", "purge_help", "open_secret", "secret", "purge_all", "x")
	}
	if g.place == namePlace {
		name, uri = g.text, g.text
		if g.once(4) {
			method = g.text
		}
	}
	params := fmt.Sprintf(`{"name":%s,"uri":%s}`, quote(name), quote(uri))
	if !strings.HasPrefix(method, "resources/") {
		params = fmt.Sprintf(`{"name":%s,"arguments":{"name":"x","a":[1,-2.5e3,true,null]}}`, quote(name))
	}
	if g.once(8) {
		params = anyOf(c, `{}`, `null`, `[]`, `{"name":1}`, `{"uri":"note:///a","name":"add"}`, `{"name":"list","name":"add"}`, `{"Name":"add","name":"list"}`, `{"n\u0061me":"add"}`,
			`{"__proto__":{"name":"add"},"name":"list"}`, `{"name":"\ud800"}`, `{"name":"list","ur\u0131":1}`, `{"name":"list","nam\u0065":"add"}`)
	}
	message := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%s,"params":%s}`, quote(method), params)
	if g.once(8) {
		message = anyOf(c, `{"jsonrpc":"2.0","id":1,"result":{}}`, `{"method":"ping","method":"tools/call","params":`+params+`}`, `{"Method":"tools/call","params":`+params+`,"method":"ping"}`,
			`{"method":"ping","params":`+params+`,"params":{}}`, `{"method":7}`, `{"method":["ping"]}`, `{"method":{"name":"x"},"params":{}}`, `[]`, `"ping"`, `{"method":"ping"}x`, "\ufeff"+message,
			`{"method":"ping","result":{}}`, `{"method":"ping","ERROR":1}`, message[:len(message)-1], `{"meth\u006fd":"ping"}`, `{"method":"ping","\ud800":1}`, `{"method":"ping","__proto__":{"method":"tools/call"}}`,
			`{"method":"ping","x":"`+"\xff"+`"}`, `{"params":`+params+`}`, `{"method":"ping","m\u017fthod":1}`, `{"paramſ":{"name":"add"},"method":"tools/call","params":{"name":"list"}}`,
			`{"method":"ping","x":`+strings.Repeat("[", 513)+strings.Repeat("]", 513)+`}`)
	}
	if g.once(12) {
		message = "[" + message + anyOf(c, "", `,{"method":"ping"}`, `,{"method":"tools/call","params":{"name":"add"}}`, ",1", `,{"id":1,"result":{}}`) + "]"
	}
	if g.place == bodyPlace {
		message = anyOf(c, g.text, `{"method":"tools/call","params":`+g.text+`}`, `{"method":"tools/call",`+g.text+`,"params":{"name":"list"}}`, message+g.text, `{"method":"tools/call","params":{"name":"list",`+g.text+`}}`)
	}
	if g.once(24) {
		message += strings.Repeat(" ", 3000)
	}
	g.c.HasBody = !g.once(8)
	if g.c.HasBody {
		if g.once(16) {
			message = ""
		}
		g.pieces(message)
	}
	g.mcpHeaders(method, name, uri)
}

// pieces cuts the body.
func (g *generator) pieces(body string) {
	for range g.below(4) {
		at := g.below(len(body) + 1)
		g.c.Pieces, body = append(g.c.Pieces, body[:at]), body[at:]
	}
	g.c.Pieces = append(g.c.Pieces, body)
}

func (g *generator) mcpHeaders(method, name, uri string) {
	c := &g.choices
	if g.place != mcpHeaderPlace && g.below(4) != 3 && !(g.resource.TrustHeaders && g.once(2)) {
		return
	}
	if strings.HasPrefix(method, "resources/") {
		name = uri
	}
	method, name = pick(c, method, "ping", "tools/call", "initialize"), pick(c, name, "list", "add", "note:///a")
	encode := func(s string) string {
		if plain := headerValue(s); plain == s && strings.TrimSpace(s) == s && !g.once(6) {
			return s
		}
		return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	if !g.once(12) {
		g.add("mcp-method", pick(c, headerValue(method), encode(method), " "+headerValue(method), "tools/call,ping"))
	}
	if !g.once(4) {
		g.add("mcp-name", g.put(mcpHeaderPlace, pick(c, encode(name), "=?base64?YQ?=", "=?base64?!!!!?=", "=?base64?YR==?=", "é", "a ", "=?utf-8?q?add?=")))
	}
	g.add("mcp-protocol-version", pick(c, "2026-07-28", "2025-11-25", "2027-01-01", "2026-7-28", "9999", "", "2026-07-28 ", "DRAFT-2026-v1"))
	if g.once(8) {
		g.add(anyOf(c, "mcp-method", "mcp-name", "mcp-protocol-version"), anyOf(c, "ping", "2025-11-25", ""))
	}
}
