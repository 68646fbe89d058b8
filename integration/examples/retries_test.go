package examples

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// withRetries is ecds.yaml with the policy that stands there as a comment.
func withRetries(t *testing.T, text string) string {
	t.Helper()
	const begin = "    # typed_extension_protocol_options:\n"
	at := strings.Index(text, begin)
	if at < 0 {
		t.Fatalf("no %q in\n%s", begin, text)
	}
	return text[:at] + regexp.MustCompile(`(?m)^    # `).ReplaceAllString(text[at:], "    ")
}

// TestRetriesOfCallouts: Envoy 1.40 applies a cluster's retry policy to the plugin's
// callouts. Without one, Envoy sends none twice.
func TestRetriesOfCallouts(t *testing.T) {
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		plain := w.example(t, ecdsFile)
		retrying := withRetries(t, plain)
		w.put(t, ecdsFilter, w.example(t, ecdsFilter))
		if strings.Contains(binary, "1.36.4") {
			log, err := w.validate(t, retrying)
			if err == nil || !strings.Contains(log, "unknown fields") || !strings.Contains(log, "retry_policy") {
				t.Errorf("Envoy 1.36.4 takes the policy, and the example need not say otherwise: %v\n%s", err, log)
			}
		}
		retries := func(p *envoy.Process) int64 { return stat(t, p, `^cluster\.auth\.upstream_rq_retry$`) }
		w.auth.Override("/jwks", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) }))
		p := w.start(t, plain)
		eventually(t, func() string { // the plugin asks again by itself
			if n := w.auth.Requests("/jwks"); n < 2 {
				return fmt.Sprintf("%d requests for keys", n)
			}
			return ""
		})
		if n := retries(p); n != 0 {
			t.Errorf("%d retries without a policy", n)
		}
		p.Stop()
		if strings.Contains(binary, "1.36.4") {
			return
		}

		retried := func(p *envoy.Process) string {
			if n := retries(p); n < 2 {
				return fmt.Sprintf("%d retries", n)
			}
			return ""
		}
		const as = "retry_on: connect-failure,refused-stream,reset-before-request"
		p = w.start(t, strings.Replace(retrying, as, as+",gateway-error", 1))
		eventually(t, func() string { return retried(p) })
		p.Stop()
		before := w.auth.Requests("/jwks")
		p = w.start(t, retrying)
		eventually(t, func() string {
			if w.auth.Requests("/jwks") < before+2 {
				return "no two requests for keys"
			}
			return ""
		})
		if n := retries(p); n != 0 {
			t.Errorf("%d retries of requests that reached the server", n)
		}
		w.auth.Close()
		eventually(t, func() string { return retried(p) })
	})
}

// validate runs envoy --mode validate, which starts the plugin too.
func (w *world) validate(t *testing.T, text string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return envoy.Validate(t.Context(), w.binary, path)
}
