package wasmtest

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A secret that is not there stops the plugin, and the log names the member.
func TestMissingSecrets(t *testing.T) {
	text := toJSON(config(opaque(object{"client_secret": nil, "client_secret_env": "GATEWAY_SECRET"}), notes(nil), nil))
	for name, environment := range map[string]map[string]string{
		"none": nil, "empty": {"GATEWAY_SECRET": ""}, "another": {"GATEWAY_SECRET_": clientSecret}, "a newline": {"GATEWAY_SECRET": clientSecret + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{Environment: environment})
			if _, err := h.StartVM(text); err == nil {
				t.Fatal("started")
			}
			if !strings.Contains(h.LogText(), "authorization_servers[0].introspection.client_secret_env: ") {
				t.Errorf("log:\n%s", h.LogText())
			}
			if strings.Contains(h.LogText(), clientSecret) {
				t.Errorf("the log has the secret:\n%s", h.LogText())
			}
		})
	}
	h := newHost(t, Options{Environment: map[string]string{"A": "b", "GATEWAY_SECRET": clientSecret, "Z": ""}})
	vm := start(t, h, text)
	wantForwarded(t, newAsked(map[string]object{"opaque": aboutToken(h, nil)}).decided(h, vm, "opaque"))
}

// Secrets and tokens go to the endpoint and nowhere else: whatever it answers,
// and however the server and the configuration fail, they are in no log line,
// answer, request to the MCP server, metric or shared data.
func TestSecretsStayInside(t *testing.T) {
	const token = "t0k3n-Of-The-User"
	spellings := func(secret string) []string {
		encoded := strings.ReplaceAll(url.QueryEscape(secret), "+", "%20")
		return []string{secret, encoded, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), b64([]byte(secret)),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("gate%3Away:"+encoded)), "=")}
	}
	var secrets []string
	for _, secret := range []string{clientSecret, token, "b3arer.S3cret"} {
		secrets = append(secrets, spellings(secret)...)
	}
	json := Headers{{"content-type", "application/json"}}
	answers := map[string]func(h *Host, c *Callout){
		"good": func(h *Host, c *Callout) { c.Answer("200", json, []byte(toJSON(aboutToken(h, nil)))) },
		"bad":  func(h *Host, c *Callout) { c.Answer("200", json, []byte(`{"active":false}`)) },
		"echo": func(h *Host, c *Callout) {
			c.Answer("200", Headers{{"content-type", "text/" + string(c.Body)}}, []byte(string(c.Body)+c.Headers.Get("authorization")))
		},
		"echo as JSON": func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(toJSON(object{"active": true, "exp": string(c.Body), clientSecret: clientSecret})))
		},
		"redirect":  func(h *Host, c *Callout) { c.Answer("302", Headers{{"location", "https://x/" + clientSecret}}, nil) },
		"status":    func(h *Host, c *Callout) { c.Answer("401", json, c.Body) },
		"no answer": func(h *Host, c *Callout) { c.Fail() },
	}
	for how, members := range map[string]object{
		"basic": nil, "post": {"auth": "client_secret_post"},
		"environment": {"client_secret": nil, "client_secret_env": "GATEWAY_SECRET"},
		"bearer":      {"auth": "bearer", "client_id": nil, "client_secret": nil, "token": "b3arer.S3cret"},
		"query":       {"endpoint": issuer + "/introspect?key=b3arer.S3cret"},
		"cluster":     {"cluster": "missing"},
		"discovered":  {"endpoint": nil},
	} {
		for name, answer := range answers {
			t.Run(how+"/"+name, func(t *testing.T) {
				h := newHost(t, Options{Clusters: []string{"auth"}, Environment: map[string]string{"GATEWAY_SECRET": clientSecret}})
				server := opaque(nil)
				server["introspection"] = with(server["introspection"].(object), members)
				vm := start(t, h, config(server, notes(nil), nil))
				var seen strings.Builder
				for range 3 {
					s := vm.Request(rpc("/notes", "Bearer "+token, [2]string{"origin", "https://app.example"}))
					h.Run(2*time.Second, func() {
						for _, c := range h.Callouts() {
							answer(h, c)
						}
					})
					seen.WriteString(describe(s) + "\n")
					s.Close()
				}
				seen.WriteString(h.LogText())
				for _, name := range h.SharedData().Keys() {
					value, _ := h.SharedData().Get(name)
					seen.WriteString("\n" + name + "\n" + string(value))
				}
				for _, secret := range secrets {
					if strings.Contains(seen.String(), secret) {
						t.Errorf("%q is seen in\n%s", secret, seen.String())
					}
				}
			})
		}
	}
}

// A mistake beside a secret is told without it.
func TestMistakesBesideSecrets(t *testing.T) {
	for _, members := range []object{
		{"auth": "bearer"}, {"client_secret_env": "X"}, {"token": clientSecret}, {"client_secret": clientSecret + "\n"}, {"client_secret": []string{clientSecret}},
		{"client_secrets": clientSecret}, {"client_secret": object{"value": clientSecret}}, {"auth": clientSecret}, {"max_cache_seconds": clientSecret},
		{"endpoint": "https://gateway:" + url.QueryEscape(clientSecret) + "@auth.example.com/"}, {"client_secret": nil, "client_secret_env": "X=" + clientSecret},
	} {
		server := opaque(nil)
		server["introspection"] = with(server["introspection"].(object), members)
		log := wantRefused(t, toJSON(config(server, notes(nil), nil)))
		if !strings.Contains(log, "mcpauth: authorization_servers[0].introspection.") || strings.Contains(log, clientSecret[:6]) {
			t.Errorf("%v: log:\n%s", members, log)
		}
	}
}
