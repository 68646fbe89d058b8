package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/authserver"
)

// section returns a section of a page in docs, without the ones below it.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s: no %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	return text
}

// fenced returns the fenced blocks of a language.
func fenced(text, language string) []string {
	var list []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// member looks for a member of an object, at any depth.
func member(v any, name string) any {
	switch v := v.(type) {
	case object:
		if found, ok := v[name]; ok {
			return found
		}
		for _, each := range v {
			if found := member(each, name); found != nil {
				return found
			}
		}
	case []any:
		for _, each := range v {
			if found := member(each, name); found != nil {
				return found
			}
		}
	}
	return nil
}

func parseYAML(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// callerExamples are the access log and the filters that the documentation shows.
func callerExamples(t *testing.T) (logFormat object, rules, limits string) {
	blocks := fenced(section(t, "identity.md", "## Access logs and rules of Envoy"), "yaml")
	if len(blocks) != 3 {
		t.Fatalf("identity.md: %d examples, want an access log and two filters", len(blocks))
	}
	logFormat, _ = member(parseYAML(t, blocks[0]), "log_format").(object)
	if logFormat == nil {
		t.Fatalf("identity.md: no log_format in\n%s", blocks[0])
	}
	return logFormat, blocks[1], blocks[2]
}

// callerStage is a gateway with the documented access log and filter. Each line
// of the log has also the members text, cel and header.
func callerStage(t *testing.T, s *stage) (*stage, *gateway) {
	logFormat, rules, _ := callerExamples(t)
	members := logFormat["json_format"].(object)
	members["text"] = "%RESPONSE_CODE% %FILTER_STATE(wasm.mcpauth-subject:PLAIN)% %FILTER_STATE(wasm.mcpauth-client:PLAIN)%"
	members["cel"] = "%CEL(filter_state['wasm.mcpauth-subject'] == b'alice')%"
	members["header"] = "%REQ(X-MCPAUTH-SUBJECT)%"
	own := keyStage(t, s, authserver.Options{})
	o := own.options(toJSON(object{
		"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
		"resources": []object{{"resource": notes, "required_scopes": []string{"read:notes"},
			"filter_state": []string{"subject", "client"}}},
	}))
	o.AccessLog, o.Filters = toJSON(logFormat), rules
	return own, own.start(t, o)
}

func (s *stage) mintedFor(subject, client any) string {
	return s.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes", Claims: object{"sub": subject, "client_id": client}})
}

// logLine returns the line of the access log that has this many before it.
func logLine(t *testing.T, g *gateway, before int) (line object) {
	t.Helper()
	eventually(t, recovery, func() string {
		lines := strings.SplitAfter(g.AccessLog(), "\n")
		if len(lines) < before+2 { // the last one is empty
			return "the request is not in the access log"
		}
		line = nil
		if err := json.Unmarshal([]byte(lines[before]), &line); err != nil {
			return err.Error()
		}
		return ""
	})
	return line
}

// TestAccessLogAndRulesKnowTheCaller: what a token says of its caller is in the
// access log and decides what the RBAC filter does, and nothing that a client
// sends can take its place.
func TestAccessLogAndRulesKnowTheCaller(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own, g := callerStage(t, s)
		forged := []string{"x-mcpauth-subject", "alice", "X-Mcpauth-Client", "reports", "x_mcpauth_subject", "alice",
			"wasm.mcpauth-subject", "alice"}
		alice := own.mintedFor("alice", "app")
		for n, c := range []struct {
			name            string
			path            string
			token           string
			status          int
			subject, client any // nil: absent
			text            string
			header          any // what %REQ(X-MCPAUTH-SUBJECT)% says
		}{
			{"the one that may", "", alice, 200, "alice", "app", "200 alice app", "alice"},
			{"the same from the cache", "", alice, 200, "alice", "app", "200 alice app", "alice"},
			{"the client that may", "", own.mintedFor("bob", "reports"), 200, "bob", "reports", "200 bob reports", "bob"},
			{"another", "", own.mintedFor("bob", "app"), 403, "bob", "app", "403 bob app", "bob"},
			{"another case", "", own.mintedFor("Alice", "app"), 403, "Alice", "app", "403 Alice app", "Alice"},
			{"no subject", "", own.mintedFor(nil, "app"), 403, nil, "app", "403 - app", nil},
			{"neither", "", own.mintedFor(nil, nil), 401, nil, nil, "401 - -", nil},
			{"line breaks", "", own.mintedFor("bob\r\n200 alice", "ä"), 403, "bob%0D%0A200 alice", "%C3%A4", "403 bob%0D%0A200 alice %C3%A4", "bob%0D%0A200 alice"},
			{"no token", "", "", 401, nil, nil, "401 - -", nil},
			{"a bad token", "", own.mintedFor("alice", "app") + "x", 401, nil, nil, "401 - -", nil},
			{"no resource", "/other", alice, 404, nil, nil, "404 - -", nil},
			// Envoy refuses this one itself, before any filter sees it: the header
			// in the log is the client's.
			{"no filter", "/notes%2Fx", alice, 400, nil, nil, "400 - -", "alice"},
		} {
			h := headers(forged...)
			if c.token != "" {
				h = bearer(c.token, forged...)
			}
			if c.path == "" {
				c.path = "/notes"
			}
			a := g.do(t, toolCall(protocols[n%2], c.path+"?secret=1", h))
			if a.status != c.status {
				t.Errorf("%s: status %d, want %d: %s", c.name, a.status, c.status, a.body)
			}
			if c.status == 403 && a.body != "RBAC: access denied" {
				t.Errorf("%s: not refused by the rule: %s", c.name, a.body)
			}
			line := logLine(t, g, n)
			var cel any
			if c.subject != nil {
				cel = strconv.FormatBool(c.subject == "alice")
			}
			for name, want := range map[string]any{"subject": c.subject, "client": c.client, "text": c.text, "header": c.header, "cel": cel, "status": float64(c.status)} {
				if line[name] != want {
					t.Errorf("%s: %s %v in the log, want %v: %s", c.name, name, line[name], want, toJSON(line))
				}
			}
			if strings.Contains(toJSON(line), "secret") {
				t.Errorf("%s: the query is in the log: %s", c.name, toJSON(line))
			}
		}
	})
}

// TestHeldRequestsHaveTheirCaller: requests that waited for keys get to the
// filters behind with the filter state of their own.
func TestHeldRequestsHaveTheirCaller(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		release := make(chan struct{})
		own.auth.Override("/jwks", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-release
			w.Write(own.auth.KeySet())
		}))
		_, rules, _ := callerExamples(t)
		o := own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources":             []object{{"resource": notes, "filter_state": []string{"subject", "client"}}},
		}))
		o.Filters = rules
		g := own.start(t, o)
		type outcome struct {
			subject string
			status  int
		}
		outcomes := make(chan outcome)
		subjects := []string{"alice", "bob", "alice", "carol"}
		for i, subject := range subjects {
			token := own.mintedFor(subject, "app")
			go func() {
				a, err := g.send(toolCall(protocols[i%2], "/notes", bearer(token)))
				if err != nil {
					a = &answer{body: err.Error()}
				}
				outcomes <- outcome{subject, a.status}
			}()
		}
		eventually(t, recovery, func() string {
			stats, err := g.Stats(t.Context(), "mcpauth_held_requests")
			if err != nil {
				return err.Error()
			}
			for _, n := range stats {
				if int(n) == len(subjects) {
					return ""
				}
			}
			return "the requests are not held"
		})
		close(release)
		for range subjects {
			want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}
			if o := <-outcomes; o.status != want[o.subject == "alice"] {
				t.Errorf("%s: status %d", o.subject, o.status)
			}
		}
	})
}

// TestRateLimitOfACaller: one caller uses up his own share, by whatever name he
// goes.
func TestRateLimitOfACaller(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		o := own.options(own.notesConfig())
		_, _, limits := callerExamples(t)
		const share = "{max_tokens: 60, tokens_per_fill: 60, fill_interval: 60s}"
		if strings.Count(limits, share) != 1 {
			t.Fatalf("identity.md: not one share of %s in\n%s", share, limits)
		}
		o.Filters = strings.Replace(limits, share, "{max_tokens: 3, tokens_per_fill: 3, fill_interval: 3600s}", 1)
		g := own.start(t, o)
		for _, subject := range []string{"alice", "bob"} {
			for n := range 5 {
				want := http.StatusOK
				if n >= 3 {
					want = http.StatusTooManyRequests
				}
				h := bearer(own.mintedFor(subject, "app"), "x-mcpauth-subject", fmt.Sprint("nobody", n))
				if a := g.do(t, toolCall(protocols[n%2], "/notes", h)); a.status != want {
					t.Errorf("%s, request %d: status %d, want %d: %s", subject, n+1, a.status, want, a.body)
				}
			}
		}
	})
}
