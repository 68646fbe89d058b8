package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// The log says each change once for the process, with the reason.
func TestLogOfTheKeys(t *testing.T) {
	h := newHost(t, Options{})
	for range 4 {
		start(t, h, config(direct(object{"max_stale_seconds": 1800}), notes(nil), nil))
	}
	h.ForgetLogs()
	expect := func(level LogLevel, text string) {
		t.Helper()
		if strings.Contains(h.LogText(), marker) {
			t.Error("the log holds the query of a redirect")
		}
		var lines []string
		for _, l := range h.Logs() {
			lines = append(lines, l.Message)
		}
		if len(lines) != 1 || !strings.Contains(lines[0], text) || h.Logs()[0].Level != level || !strings.HasPrefix(lines[0], "mcpauth: issuer "+issuer+": ") {
			t.Errorf("log %q, want one line with %q", lines, text)
		}
		h.ForgetLogs()
	}
	answer := func(d time.Duration, status string, headers Headers, body string) {
		reply := func() {
			for _, c := range h.Callouts() {
				c.Answer(status, headers, []byte(body))
			}
		}
		h.Run(d, reply)
	}
	good := toJSON(keySet(rsaKey))
	answer(time.Minute, "503", nil, "")
	expect(LogWarn, "no keys fetched: "+issuer+"/keys: status 503")
	answer(10*time.Minute, "200", nil, good)
	expect(LogInfo, "keys fetched again: 1 usable keys from "+issuer+"/keys")
	answer(6*time.Minute, "302", Headers{{"location", "https://login.example.net/start?token=" + marker}}, "")
	expect(LogWarn, `status 302 to "login.example.net": redirects are not followed; the last good keys stay in use`)
	answer(6*time.Minute, "200", nil, "<html>")
	expect(LogWarn, "the document is not an acceptable JWK set")
	answer(20*time.Minute, "200", nil, "<html>")
	expect(LogWarn, "the last good keys are older than max_stale_seconds")
	answer(time.Minute, "200", nil, good)
	expect(LogInfo, "keys fetched again")
	answer(6*time.Minute, "200", nil, toJSON(keySet(rsaKey, ecKey)))
	expect(LogInfo, "2 usable keys")
	h.ForgetLogs()
	answer(time.Hour, "200", nil, toJSON(keySet(rsaKey, ecKey)))
	if len(h.Logs()) != 0 {
		t.Errorf("log of an hour in which nothing changed: %s", h.LogText())
	}
}
