package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"mcpauth/internal/callout"
)

// host implements [callout.Host].
type host struct{ plugin *plugin }

func (host) Now() callout.UnixMilli { return callout.At(clock()) }
func (host) Info(message string)    { logInfo(message) }
func (host) Warn(message string)    { logWarn(message) }

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

// Send must be called in a callback of the plugin's own context: the SDK drops the
// response to a callout of a stream that is gone.
func (h host) Send(cluster string, r callout.Request, done func(*callout.Response)) error {
	_, err := proxywasm.DispatchHttpCall(cluster, r.Headers, r.Body, nil,
		uint32(callout.Timeout.Milliseconds()), func(numHeaders, bodySize, _ int) {
			response := readResponse(numHeaders, bodySize)
			done(&response)
			// Requests may be waiting for this very response.
			h.plugin.OnTick()
		})
	return err
}

// readResponse reads the response to a callout from the host. The host says that there
// are no headers if no response came in time.
func readResponse(numHeaders, bodySize int) callout.Response {
	if numHeaders == 0 {
		return callout.Response{Err: errors.New("no answer")}
	}
	headers, err := proxywasm.GetHttpCallResponseHeaders()
	if err != nil {
		return callout.Response{Err: err}
	}
	r := callout.NewResponse(headers, bodySize)
	if bodySize == 0 || bodySize > callout.MaxDocument {
		return r
	}
	body, err := proxywasm.GetHttpCallResponseBody(0, bodySize)
	if err != nil {
		r.Err = errors.New("the body cannot be read: " + err.Error())
	}
	r.SetBody(body)
	return r
}

// logPrefix begins each log line with the plugin's name: hosts write the lines of all
// their filters into one log.
const logPrefix = "mcpauth: "

func logInfo(message string)     { proxywasm.LogInfo(logPrefix + message) }
func logWarn(message string)     { proxywasm.LogWarn(logPrefix + message) }
func logError(message string)    { proxywasm.LogError(logPrefix + message) }
func logCritical(message string) { proxywasm.LogCritical(logPrefix + message) }
