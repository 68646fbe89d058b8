package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// answer is the response to a request.
type answer struct {
	status    int
	header    http.Header
	body      string
	challenge string
}

// member returns a string member of the JSON body, or "".
func (a *answer) member(name string) string {
	var doc map[string]any
	json.Unmarshal([]byte(a.body), &doc)
	s, _ := doc[name].(string)
	return s
}

var client = &http.Client{
	Timeout: 20 * time.Second,
	// /authorize redirects to the client's own address: read, not followed.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// shownHeaders are the response headers that the walk shows.
var shownHeaders = []string{"Www-Authenticate", "Location", "Retry-After"}

// send sends a request, shows it and its answer, and returns the answer. Tokens
// and codes are shown shortened.
func (d *demo) send(ctx context.Context, method, target string, headers http.Header, body string) *answer {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		d.term.check(false, err.Error())
		return &answer{header: http.Header{}}
	}
	for name, values := range headers {
		req.Header[name] = values
	}
	path, query, _ := strings.Cut(target, "?")
	d.term.request(method + " " + path)
	d.term.request(parameters(query)...)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if name == "Accept" || name == "Content-Type" {
			continue // the same for every client, and of no interest here
		}
		for _, v := range headers[name] {
			d.term.request(strings.ToLower(name) + ": " + shorten(v))
		}
	}
	switch {
	case headers.Get("Content-Type") == formType:
		d.term.request(parameters(body)...)
	case body != "":
		d.term.request(readable([]byte(body)))
	}
	res, err := client.Do(req)
	if err != nil {
		d.term.check(false, err.Error())
		return &answer{header: http.Header{}}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		d.term.check(false, err.Error())
	}
	d.term.answer(fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode)))
	for _, name := range shownHeaders {
		for _, v := range res.Header.Values(name) {
			v, query, _ := strings.Cut(v, "?")
			d.term.answer(strings.ToLower(name) + ": " + shorten(v))
			d.term.answer(parameters(query)...)
		}
	}
	if len(content) > 0 {
		d.term.answer(readable(content))
	}
	return &answer{res.StatusCode, res.Header, string(content), res.Header.Get("WWW-Authenticate")}
}

const formType = "application/x-www-form-urlencoded"

// form posts a form.
func (d *demo) form(ctx context.Context, target string, form url.Values) *answer {
	return d.send(ctx, http.MethodPost, target,
		http.Header{"Content-Type": {formType}}, form.Encode())
}

// callTool calls a tool of the MCP server through the gateway. token may be
// empty.
func (d *demo) callTool(ctx context.Context, tool, token string, more http.Header) *answer {
	headers := http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json, text/event-stream"},
	}
	if token != "" {
		headers.Set("Authorization", "Bearer "+token)
	}
	for name, values := range more {
		headers[name] = values
	}
	return d.send(ctx, http.MethodPost, d.resource, headers, callBody(tool))
}

func callBody(tool string) string {
	arguments := ""
	if tool == "add_note" {
		arguments = `,"arguments":{"text":"milk"}`
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q%s}}`, tool, arguments)
}

// lineLength is the space beside the arrow on a common terminal.
const lineLength = 96

// readable formats JSON: on one line if it is short, else one member per line.
func readable(body []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return shorten(string(body))
	}
	return layOut(compact.Bytes(), "")
}

func layOut(value json.RawMessage, indent string) string {
	line := shorten(string(value))
	if len(indent)+len(line) <= lineLength || len(value) == 0 {
		return line
	}
	var lines []string
	switch value[0] {
	case '{':
		// A decoder keeps the order of the members, a map would not.
		d := json.NewDecoder(bytes.NewReader(value))
		d.Token()
		for d.More() {
			name, err := d.Token()
			var member json.RawMessage
			if err != nil || d.Decode(&member) != nil {
				return line
			}
			lines = append(lines, fmt.Sprintf("%s  %q: %s", indent, name, layOut(member, indent+"  ")))
		}
		return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(value, &items) != nil {
			return line
		}
		for _, item := range items {
			lines = append(lines, indent+"  "+layOut(item, indent+"  "))
		}
		return "[\n" + strings.Join(lines, ",\n") + "\n" + indent + "]"
	}
	return line
}

// parameters formats a query or a form: decoded, one parameter per line.
func parameters(query string) []string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return []string{shorten(query)}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[name] {
			lines = append(lines, fmt.Sprintf("    %s = %s", name, shorten(v)))
		}
	}
	return lines
}

// secretLength is the length from which shorten takes a word for a token or a code. No
// URL, header name or scope in the walk has so long a word.
const secretLength = 60

// shorten elides the inner part of every long word made of token characters.
func shorten(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, func(r rune) bool { return !isTokenChar(r) })
		if n < 0 {
			n = len(s)
		}
		if n >= secretLength {
			b.WriteString(s[:10] + "..." + s[n-6:n])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
		rest := strings.IndexFunc(s, isTokenChar)
		if rest < 0 {
			rest = len(s)
		}
		b.WriteString(s[:rest])
		s = s[rest:]
	}
	return b.String()
}

// isTokenChar reports whether c is a character of a compact JWS or of base64url.
func isTokenChar(r rune) bool {
	return r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
