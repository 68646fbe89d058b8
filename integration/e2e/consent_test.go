package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mcpauth/integration/clients/golang"
)

// consentStep is what somebody does with a browser: see clients/browser/consent.mjs.
type consentStep struct {
	Browser string       `json:"browser"`
	URL     string       `json:"url"`
	Dark    bool         `json:"dark,omitempty"`
	Width   int          `json:"width,omitempty"`
	Form    *foreignForm `json:"form,omitempty"`
	Frame   string       `json:"frame,omitempty"`
	Keys    []string     `json:"keys,omitempty"`
}

// foreignForm is a form that a page of another site sends.
type foreignForm struct {
	From   string            `json:"from"`
	Fields map[string]string `json:"fields"`
}

// consentSight is what came of it.
type consentSight struct {
	URL      string   `json:"url"`
	Status   int      `json:"status"`
	Title    string   `json:"title"`
	Heading  string   `json:"heading"`
	Text     string   `json:"text"`
	Request  string   `json:"request"`
	Buttons  []string `json:"buttons"`
	Focused  string   `json:"focused"`
	Scrolls  bool     `json:"scrolls"`
	Contrast float64  `json:"contrast"`
	Scripts  []string `json:"scripts"`
	Console  []string `json:"console"`
	Requests []string `json:"requests"`
	Inner    string   `json:"inner"` // the URL of the frame
}

func (b *browser) consent(t *testing.T, steps ...consentStep) []consentSight {
	t.Helper()
	path := filepath.Join(t.TempDir(), "steps.json")
	if err := os.WriteFile(path, []byte(toJSON(object{"chromium": b.chromium, "steps": steps})), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := output(b.dir, b.node, "consent.mjs", path)
	if err != nil {
		t.Fatal(err)
	}
	var seen []consentSight
	if err := json.Unmarshal(out, &seen); err != nil || len(seen) != len(steps) {
		t.Fatalf("%v in %q", err, out)
	}
	return seen
}

// shows checks a page of the gateway: what it says, that it has its style and nothing that
// runs or comes from elsewhere, and that everybody can read and use it.
func (s consentSight) shows(t *testing.T, name string, status int, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.Text, text) {
			t.Errorf("%s: no %q in %q at %s", name, text, s.Text, s.URL)
		}
	}
	if s.Status != status || s.Scrolls || s.Contrast < 4.5 || len(s.Scripts) != 0 || s.Heading == "" || s.Title == "" {
		t.Errorf("%s: status %d, scrolls %v, contrast %.1f, scripts %q, heading %q", name, s.Status, s.Scrolls, s.Contrast, s.Scripts, s.Heading)
	}
	for _, line := range s.Console {
		if !strings.Contains(line, "400 (Bad Request)") { // the status of an error's page
			t.Errorf("%s: the console has %q", name, line)
		}
	}
}

// TestWebPageAndConsent: a page with the official SDK registers with the gateway, sends the
// person to its page, and comes back with a token that the MCP server's gateway takes.
func TestWebPageAndConsent(t *testing.T) {
	b := newBrowser(t)
	onEach(t, func(t *testing.T, s *stage) {
		origin := b.site(t)
		own, _ := proxyGateway(t, s, true, origin)
		resource := own.port.Origin() + "/mcp"
		for _, seen := range b.visit(t, visit{Page: origin + "/v1", Server: resource}, visit{Page: origin + "/v2", Server: resource}) {
			var r report
			if err := json.Unmarshal([]byte(seen.Result), &r); err != nil || seen.State != "done" {
				t.Fatalf("the page is %s with %s\n%s", seen.State, seen.Result, strings.Join(seen.Steps, "\n"))
			}
			r.ClientID = providerClient.ID // that of the token
			r.check(t, own.auth.Issuer(), "read:notes")
			if !slices.ContainsFunc(seen.Requests, func(r traffic) bool {
				return r.Method == "POST" && r.URL == own.port.Origin()+"/authorize" && r.Status == http.StatusSeeOther
			}) {
				t.Errorf("nobody was asked:\n%s", toJSON(seen.Requests))
			}
		}
	})
}

// TestConsentInChromium: a person signs in through the page with the keyboard alone, in each
// setting, or cancels; and what attackers do by links, forms and frames leads to no code.
func TestConsentInChromium(t *testing.T) {
	b := newBrowser(t)
	on(t, versions[len(versions)-1:], func(t *testing.T, s *stage) {
		own, _ := proxyGateway(t, s, true)
		origin := own.port.Origin()
		var back []string // what the client got
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/callback" {
				back = append(back, r.URL.RawQuery)
			}
			io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>client</title><h1>Back in the application</h1>`)
		}))
		defer app.Close()
		// A page of another site: of a name that is not 127.0.0.1.
		evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>evil</title><h1>A game</h1><iframe src="%s"></iframe>`, html.EscapeString(r.URL.Query().Get("url")))
		}))
		defer evil.Close()
		evilPage := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1) + "/"

		callback := app.URL + "/callback"
		asking := func(client, state string) string {
			return origin + "/authorize?" + url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "scope": {"read:notes"}, "state": {state},
				"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, "resource": {origin + "/mcp"}}.Encode()
		}
		client := registerAt(t, origin, `My <img src=x onerror=alert(1)> app`, callback)
		attackers := registerAt(t, origin, `My app`, callback)
		const name = "My <img src=x onerror=alert(1)> app"
		enter := []string{"Tab", "Enter"}
		seen := b.consent(t,
			consentStep{Browser: "victim", URL: asking(client, "light"), Keys: []string{"Tab"}},
			consentStep{Browser: "phone", URL: asking(client, "dark"), Dark: true, Width: 320, Keys: []string{"Tab", "Tab"}},
			consentStep{Browser: "victim", URL: asking(client, "first"), Keys: enter},
			consentStep{Browser: "victim", URL: asking(client, "again")},
			consentStep{Browser: "phone", URL: asking(client, "no"), Dark: true, Width: 390, Keys: []string{"Tab", "Tab", "Enter"}},
			consentStep{Browser: "victim", URL: asking(attackers, "link")},
			consentStep{Browser: "victim", URL: asking(attackers, "framed"), Frame: evilPage},
		)
		seen[0].shows(t, "light", 200, name, "an application on this computer", callback, origin+"/mcp", "read:notes")
		seen[1].shows(t, "dark", 200, name)
		for i, focused := range []string{"Connect", "Cancel"} {
			if got := seen[i]; !slices.Equal(got.Buttons, []string{"Connect", "Cancel"}) || got.Focused != focused {
				t.Errorf("buttons %q, focus on %q, want %q", got.Buttons, got.Focused, focused)
			}
		}
		for i, state := range map[int]string{2: "first", 3: "again", 4: "no"} {
			if !strings.HasPrefix(seen[i].URL, callback+"?") || !strings.Contains(seen[i].URL, "&state="+state+"&iss="+url.QueryEscape(origin)) || seen[i].Heading != "Back in the application" {
				t.Errorf("%s ends at %s with %q", state, seen[i].URL, seen[i].Text)
			}
		}
		if want := callback + "?error=access_denied&"; !strings.HasPrefix(seen[4].URL, want) {
			t.Errorf("a cancellation ends at %s", seen[4].URL)
		}
		seen[5].shows(t, "the link of an attacker", 200, "My app", callback)
		if got := seen[6]; got.Inner != "chrome-error://chromewebdata/" || !strings.Contains(strings.Join(got.Console, "\n"), "frame-ancestors 'none'") {
			t.Errorf("the frame is at %s, console %q", got.Inner, got.Console)
		}

		// The attacker agrees in a browser of their own; what comes of it is sent to the victim.
		res, err := golang.Agree(asking(attackers, "stolen"), func(to *url.URL) bool { return to.Path == "/callback" && "http://"+to.Host == origin })
		if err != nil {
			t.Fatal(err)
		}
		attack := b.consent(t,
			consentStep{Browser: "victim", URL: asking(client, "own"), Keys: enter},
			consentStep{Browser: "victim", URL: res.String()},
			consentStep{Browser: "victim", URL: origin + "/authorize", Form: &foreignForm{evilPage, map[string]string{"request": seen[5].Request, "decision": "agree"}}},
			consentStep{Browser: "victim", URL: seen[2].URL},
		)
		if !strings.HasPrefix(attack[0].URL, callback+"?code=") {
			t.Errorf("the victim's own sign-in ends at %s with %q", attack[0].URL, attack[0].Text)
		}
		attack[1].shows(t, "the attacker's callback", 400, "another browser")
		attack[2].shows(t, "the attacker's form", 400, "")
		for _, query := range back {
			if strings.Contains(query, "state=stolen") || strings.Contains(query, "state=link") || strings.Contains(query, "state=framed") {
				t.Errorf("the attacker has got %s", query)
			}
		}
		if n := own.auth.Requests("/authorize"); n != 4 {
			t.Errorf("%d requests have reached the provider, want 4", n)
		}
	})
}
