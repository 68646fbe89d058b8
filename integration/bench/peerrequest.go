package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A seen is what a probe got to see of an answer.
type seen struct {
	Status int
	Header http.Header
	Body   string
}

// challenge returns the parameters of the first Bearer challenge (RFC 6750, section 3), nil if there
// is none.
func (s *seen) challenge() map[string]string {
	for _, value := range s.Header.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		parameters := map[string]string{}
		for _, m := range challengeParameter.FindAllStringSubmatch(rest, -1) {
			parameters[strings.ToLower(m[1])] = m[2]
		}
		return parameters
	}
	return nil
}

var challengeParameter = regexp.MustCompile(`([A-Za-z_]+)="((?:[^"\\]|\\.)*)"`)

// brief says in a few words what was seen.
func (s *seen) brief() string {
	text := http.StatusText(s.Status)
	if text = strings.TrimSpace(strconv.Itoa(s.Status) + " " + text); s.Header.Get("WWW-Authenticate") != "" {
		text += ", WWW-Authenticate: " + strings.Join(s.Header.Values("WWW-Authenticate"), " | ")
	}
	if body := s.Body; s.ok() && len(body) > 0 {
		text += ": " + body[:min(len(body), 300)]
	}
	return jwtShaped.ReplaceAllString(text, "…")
}

// jwtShaped matches tokens, which stand in no report.
var jwtShaped = regexp.MustCompile(`eyJ[A-Za-z0-9_.-]*`)

func (s *seen) ok() bool { return s.Status >= 200 && s.Status < 300 }

// scopes returns the scopes that the challenge asks for.
func (s *seen) scopes() []string { return strings.Fields(s.challenge()["scope"]) }

// probeRequest is a request of a probe. The zero value is a call of the tool list_notes without a
// token.
type probeRequest struct {
	Method, Path string
	Tool         string
	// Token is sent as Bearer; Header has what is sent besides or instead.
	Token  string
	Header http.Header
}

// probeTimeout is how long an answer may take: a request may be held while keys are fetched.
const probeTimeout = 20 * time.Second

// send sends a request over a connection of its own.
func send(ctx context.Context, address string, r probeRequest) (*seen, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	method, path, body := r.Method, r.Path, io.Reader(http.NoBody)
	if path == "" {
		path = peerPath
	}
	if method == "" {
		method = http.MethodPost
		tool := r.Tool
		if tool == "" {
			tool = "list_notes"
		}
		body = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{}}}`)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, body)
	if err != nil {
		return nil, err
	}
	request.Host = host
	if method == http.MethodPost {
		for _, h := range callHeaders {
			if h[0] != "Mcp-Session-Id" { // of no session
				request.Header.Set(h[0], h[1])
			}
		}
	}
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return &seen{answer.StatusCode, answer.Header, string(content)}, err
}
