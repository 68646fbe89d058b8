package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/http2"
)

// A protocol is a version of HTTP, as users call it.
type protocol string

const (
	http1  protocol = "HTTP/1.1"
	http2c protocol = "HTTP/2" // without TLS, by prior knowledge (RFC 9113 section 3.3)
)

// A form is all of a request but the token.
type form struct {
	method, path string
	body         []byte
}

// call is what an MCP client sends most.
var call = form{http.MethodPost, "/notes", []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","arguments":{}}}`)}

// boundCall is the same to the resource that takes DPoP.
var boundCall = form{call.method, "/bound", call.body}

// callHeaders are those of the Streamable HTTP transport.
var callHeaders = [][2]string{
	{"Content-Type", "application/json"},
	{"Accept", "application/json, text/event-stream"},
	{"Mcp-Protocol-Version", "2025-06-18"},
	{"Mcp-Session-Id", "1868a90c-2f27-4b1e-9c3d-5a6f0d1e7b42"},
	{"User-Agent", "mcp-client/1.0"},
}

// timeout of one request: far more than any takes.
const timeout = 30 * time.Second

// schemeOf returns the authentication scheme of a request, with a space.
func schemeOf(proof string) string {
	if proof != "" {
		return "DPoP "
	}
	return "Bearer "
}

// A client is one connection that is kept open, with one request at a time.
type client interface {
	// send returns the status of the answer. An empty token is none. With a proof, the token
	// comes by the DPoP scheme (RFC 9449).
	send(f *form, token, proof string) (status int, err error)
	close()
}

func dial(p protocol, address string) (client, error) {
	if p == http1 {
		return newClient1(address), nil
	}
	return newClient2(address)
}

// client1 speaks HTTP/1.1.
type client1 struct {
	http     *fasthttp.HostClient
	request  fasthttp.Request
	response fasthttp.Response
	form     *form
	bearer   []byte
}

func newClient1(address string) *client1 {
	return &client1{http: &fasthttp.HostClient{
		Addr: address, MaxConns: 1, ReadTimeout: timeout, WriteTimeout: timeout,
		MaxIdleConnDuration:       time.Hour, // while the other variants have their turn
		MaxIdemponentCallAttempts: 1,         // an error is one
		NoDefaultUserAgentHeader:  true,
		// Written as they are given, the names need no work for each request.
		DisableHeaderNamesNormalizing: true,
	}}
}

func (c *client1) send(f *form, token, proof string) (int, error) {
	if c.form != f {
		c.form = f
		c.request.Reset()
		c.request.Header.SetMethod(f.method)
		c.request.SetRequestURI("http://" + host + f.path)
		c.request.SetBodyRaw(f.body)
		for _, h := range callHeaders {
			c.request.Header.Set(h[0], h[1])
		}
	}
	if token == "" {
		c.request.Header.Del("Authorization")
	} else {
		c.bearer = append(append(c.bearer[:0], schemeOf(proof)...), token...)
		c.request.Header.SetBytesV("Authorization", c.bearer)
	}
	if proof != "" {
		c.request.Header.Set("Dpop", proof)
	}
	if err := c.http.Do(&c.request, &c.response); err != nil {
		return 0, err
	}
	return c.response.StatusCode(), nil
}

func (c *client1) close() { c.http.CloseIdleConnections() }

// client2 speaks HTTP/2.
type client2 struct {
	conn    *http2.ClientConn
	request http.Request
	form    *form
	body    bytes.Reader
}

var transport2 = &http2.Transport{AllowHTTP: true, DisableCompression: true}

func newClient2(address string) (*client2, error) {
	tcp, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	conn, err := transport2.NewClientConn(tcp)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return &client2{conn: conn}, nil
}

func (c *client2) send(f *form, token, proof string) (int, error) {
	if c.form != f {
		c.form = f
		c.request = http.Request{
			Method: f.method, URL: &url.URL{Scheme: "http", Host: host, Path: f.path}, Host: host,
			Header: http.Header{}, ContentLength: int64(len(f.body)),
		}
		for _, h := range callHeaders {
			c.request.Header.Set(h[0], h[1])
		}
	}
	if len(f.body) > 0 {
		c.body.Reset(f.body)
		c.request.Body = io.NopCloser(&c.body)
	}
	if token == "" {
		c.request.Header.Del("Authorization")
	} else {
		c.request.Header["Authorization"] = []string{schemeOf(proof) + token}
	}
	if proof != "" {
		c.request.Header["Dpop"] = []string{proof}
	}
	response, err := c.conn.RoundTrip(&c.request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

func (c *client2) close() { c.conn.Close() }
