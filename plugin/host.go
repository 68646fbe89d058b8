package main

import (
	"errors"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/config"
	"mcpauth/internal/keys"
)

// host is the proxy as the key sources see it.
type host struct{ plugin *plugin }

func (host) Now() int64          { return time.Now().UnixMilli() }
func (host) Info(message string) { logInfo(message) }
func (host) Warn(message string) { logWarn(message) }

func (host) Load(name string) ([]byte, uint32) {
	value, cas, err := proxywasm.GetSharedData(name)
	if err != nil {
		return nil, 0
	}
	return value, cas
}

func (host) Store(name string, value []byte, cas uint32) bool {
	return proxywasm.SetSharedData(name, value, cas) == nil
}

// Get makes a callout. The host takes the Host header from :authority, and a
// cluster with TLS its SNI, if it has none of its own.
func (h host) Get(cluster string, u *config.URL, done func(keys.Response)) error {
	headers := [][2]string{
		{":method", "GET"},
		{":scheme", u.Scheme},
		{":authority", u.Authority()},
		{":path", u.PathQuery()},
		{"accept", "application/json"},
		{"user-agent", "mcpauth"},
	}
	_, err := proxywasm.DispatchHttpCall(cluster, headers, nil, nil,
		uint32(keys.CalloutTimeout.Milliseconds()), func(numHeaders, bodySize, _ int) {
			done(response(numHeaders, bodySize))
			// Requests may be waiting for this very answer.
			h.plugin.OnTick()
		})
	return err
}

// response reads the answer to a callout; the host calls with no headers when
// there was none in time.
func response(numHeaders, bodySize int) keys.Response {
	if numHeaders == 0 {
		return keys.Response{Err: errors.New("no answer")}
	}
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	if err != nil {
		return keys.Response{Err: err}
	}
	r := keys.NewResponse(headers, bodySize)
	if bodySize == 0 || bodySize > keys.MaxDocument {
		return r
	}
	if r.Body, err = proxywasm.GetHttpCallResponseBody(0, bodySize); err != nil {
		return keys.Response{Err: errors.New("the body cannot be read: " + err.Error())}
	}
	return r
}

// Log lines begin with the plugin's name: hosts write those of all their
// filters into one log.
const logPrefix = "mcpauth: "

func logInfo(message string)     { proxywasm.LogInfo(logPrefix + message) }
func logWarn(message string)     { proxywasm.LogWarn(logPrefix + message) }
func logError(message string)    { proxywasm.LogError(logPrefix + message) }
func logCritical(message string) { proxywasm.LogCritical(logPrefix + message) }
