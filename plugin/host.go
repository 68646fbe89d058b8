package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/config"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
)

// host is the proxy as the key sources and the checkers see it.
type host struct{ plugin *plugin }

func (host) Now() int64          { return clock().UnixMilli() }
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

// Get makes a callout for a document.
func (h host) Get(cluster string, u *config.URL, done func(keys.Response)) error {
	return h.Send(cluster, introspect.Headers("GET", u), nil, func(r introspect.Response) { done(r.Response) })
}

// Send makes a callout. It must be made in a callback of the plugin's own
// context: the SDK drops the answer to a call of a stream that is gone.
func (h host) Send(cluster string, headers [][2]string, body []byte, done func(introspect.Response)) error {
	_, err := proxywasm.DispatchHttpCall(cluster, headers, body, nil,
		uint32(keys.CalloutTimeout.Milliseconds()), func(numHeaders, bodySize, _ int) {
			done(response(numHeaders, bodySize))
			// Requests may be waiting for this very answer.
			h.plugin.OnTick()
		})
	return err
}

// response reads the answer to a callout; the host calls with no headers when
// there was none in time.
func response(numHeaders, bodySize int) (r introspect.Response) {
	if numHeaders == 0 {
		r.Err = errors.New("no answer")
		return r
	}
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	if err != nil {
		r.Err = err
		return r
	}
	r.Response, r.Headers = keys.NewResponse(headers, bodySize), headers
	if bodySize == 0 || bodySize > keys.MaxDocument {
		return r
	}
	body, err := proxywasm.GetHttpCallResponseBody(0, bodySize)
	if err != nil {
		r.Err = errors.New("the body cannot be read: " + err.Error())
	}
	r.Read(body)
	return r
}

// Log lines begin with the plugin's name: hosts write those of all their
// filters into one log.
const logPrefix = "mcpauth: "

func logInfo(message string)     { proxywasm.LogInfo(logPrefix + message) }
func logWarn(message string)     { proxywasm.LogWarn(logPrefix + message) }
func logError(message string)    { proxywasm.LogError(logPrefix + message) }
func logCritical(message string) { proxywasm.LogCritical(logPrefix + message) }
