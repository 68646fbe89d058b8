//go:build controlplane

package envoygateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

// patience is how long a test waits for what comes within seconds on a quiet machine.
const patience = 2 * time.Minute

const (
	notesURL = "https://" + controlplane.MCPHost + "/notes"
	tasksURL = "https://" + controlplane.MCPHost + "/tasks"
	// The same by the listener without TLS: cheaper to poll.
	plainNotesURL = "http://" + controlplane.MCPHost + ":10080/notes"
	plainTasksURL = "http://" + controlplane.MCPHost + ":10080/tasks"
)

var (
	errNotYet = errors.New("not yet")
	forged    = http.Header{"X-Mcpauth-Verdict": {"token"}}
)

// get sends a GET, with the header Host if header has it, and returns status and body.
func get(url string, header http.Header) (int, string, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Host = req.Header.Get("Host")
	req.Header.Del("Host")
	client := controlplane.NewClient()
	client.Timeout = 5 * time.Second
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// await waits until a GET without a token gets the status.
func await(t testing.TB, url string, header http.Header, want int) {
	t.Helper()
	began := time.Now()
	controlplane.Eventually(t, fmt.Sprintf("%s %v: status %d", url, header, want), patience, func() error {
		got, _, err := get(url, header)
		if err == nil && got != want {
			err = fmt.Errorf("status %d", got)
		}
		return err
	})
	t.Logf("%s: status %d after %s", url, want, time.Since(began).Round(time.Millisecond))
}

// post sends a call of the tool add_note with a text of that many bytes.
func post(url, token string, size int) (int, string, error) {
	body := `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add_note","arguments":{"text":"` + strings.Repeat("x", size) + `"}}}`
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+token)
	client := controlplane.NewClient()
	client.Timeout = 10 * time.Second
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("X-Upstream") + " " + string(text), err
}
