//go:build !wasm

package main

import (
	"time"

	"mcpauth/internal/headermap"
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
)

// There is no host outside of WebAssembly. These functions let vet and staticcheck
// compile the package.

func requestHeaders() (headermap.Reader, error) { panic("no host") }

func requestBody(start, limit int) ([]byte, error) { panic("no host") }

func responseHeaders() (headermap.Reader, error) { panic("no host") }

func responseBody(int) ([]byte, error) { panic("no host") }

func replaceResponseBody(int, []byte) error { panic("no host") }

func sendLocalReply(*reply.Response) error { panic("no host") }

func removeHeader(string) error { panic("no host") }

func setHeader(name, value string) error { panic("no host") }

func setProperty(name, value string) error { panic("no host") }

func peerCertificate() string { panic("no host") }

func random([]byte) bool { panic("no host") }

func clock() time.Time { return time.Now() }

func defineMetric(metrics.Kind, string) uint32 { panic("no host") }

func incrementMetric(uint32, int64) uint32 { panic("no host") }

func recordMetric(uint32, int64) uint32 { panic("no host") }
