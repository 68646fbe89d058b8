//go:build controlplane

package istio

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

// limit is how long the tests wait for a change. Most take less than a second, but V8
// compiles the plugin for half a minute on a very busy machine.
const limit = 90 * time.Second

// answer is what a client gets.
type answer struct {
	status int
	body   string
}

var (
	fromPlugin = answer{401, ""} // its body is not compared
	fromGuard  = answer{403, "RBAC: access denied"}
	noConfig   = answer{500, ""} // the filter has no configuration
)

// ask sends a request for the resource.
func ask(header http.Header) (answer, error) {
	req, err := http.NewRequest(http.MethodGet, notesURL, nil)
	if err != nil {
		return answer{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, body, err := do(req)
	if err == nil && res.StatusCode == 401 && res.Header.Get("WWW-Authenticate") != "" {
		body = ""
	}
	if err != nil {
		return answer{}, err
	}
	return answer{res.StatusCode, body}, nil
}

func do(req *http.Request) (*http.Response, string, error) {
	client := controlplane.NewClient()
	client.Timeout = 5 * time.Second
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// await waits for the answer to a request without a token.
func await(t testing.TB, want answer) {
	t.Helper()
	controlplane.Eventually(t, fmt.Sprintf("answer %v", want), limit, func() error {
		got, err := ask(nil)
		if err == nil && got != want {
			err = fmt.Errorf("answer %v", got)
		}
		return err
	})
}

// stays waits a while, for a hole to open in. It is longer than Istio takes for any of the
// changes here.
func stays() { time.Sleep(time.Second) }

// pass waits until a valid token passes.
func (m *mesh) pass(t testing.TB) {
	t.Helper()
	mcp.Await(t, m.world.Token("read:notes"), 200, limit)
}

// poll watches that nothing reaches the server without a token until the test ends. It
// asks the gateway's HTTP listener three times as often as its HTTPS listener, because
// handshakes cost more than all else here.
func (m *mesh) poll(t testing.TB, urls ...string) {
	p := m.startPoll(t, urls...)
	t.Cleanup(func() { p.MustBeClosed(t) })
}

func (m *mesh) startPoll(t testing.TB, urls ...string) *controlplane.Poller {
	plain := strings.Replace(notesURL, "https:", "http:", 1)
	return controlplane.Poll(t, m.world.Upstream, append(urls, plain, plain, plain, notesURL)...)
}

// logged waits until the texts are in the log.
func logged(t testing.TB, p *controlplane.Process, texts ...string) {
	t.Helper()
	for _, text := range texts {
		controlplane.Eventually(t, p.Name+"'s log", 10*time.Second, func() error {
			if !strings.Contains(p.Log(), text) {
				return errors.New("lacks " + text)
			}
			return nil
		})
	}
}

// metadataHas says whether the resource's metadata has a text.
func metadataHas(text string) error {
	req, err := http.NewRequest(http.MethodGet, "https://"+controlplane.MCPHost+"/.well-known/oauth-protected-resource/notes", nil)
	if err != nil {
		return err
	}
	_, body, err := do(req)
	if err == nil && !strings.Contains(body, text) {
		err = fmt.Errorf("metadata %s", body)
	}
	return err
}

var rejectsOfPlugins = regexp.MustCompile(`(?m)^pilot_total_xds_rejects\{type="ecds"\} .*`)

// rejects returns istiod's metric of plugins that gateways have rejected.
func (m *mesh) rejects(t testing.TB) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+istiodIP+":15014/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := do(req)
	if err != nil {
		t.Fatal(err)
	}
	return rejectsOfPlugins.FindString(body)
}

func differs(what, a, b string) error {
	if a == b {
		return fmt.Errorf("%s is still %q", what, a)
	}
	return nil
}
