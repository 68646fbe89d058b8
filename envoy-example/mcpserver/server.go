// Package mcpserver is the MCP server behind the gateway: a notebook, built on the
// official Go SDK, without authentication code. It identifies its caller by the headers
// that mcpauth sets.
package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// identityPrefix begins the names of the headers that mcpauth sets, in lower
// case.
const identityPrefix = "x-mcpauth-"

// Server is a running MCP server (Streamable HTTP, on every path).
type Server struct {
	listener net.Listener
	http     *http.Server

	mu    sync.Mutex
	notes map[string][]string // by subject
	count int
	last  *http.Request
}

// Start starts a server on l, or on a free port of 127.0.0.1 if l is nil. It
// keeps nothing between requests, so that any replica can answer.
func Start(l net.Listener) (*Server, error) {
	return start(l, mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

// StartWithSessions starts a server that keeps a session for each client, which
// Mcp-Session-Id names, and answers with event streams.
func StartWithSessions(l net.Listener) (*Server, error) {
	return start(l, mcp.StreamableHTTPOptions{})
}

// StartStreaming starts a server that keeps nothing between requests, and answers with
// event streams.
func StartStreaming(l net.Listener) (*Server, error) {
	return start(l, mcp.StreamableHTTPOptions{Stateless: true})
}

func start(l net.Listener, o mcp.StreamableHTTPOptions) (*Server, error) {
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("mcp server: %w", err)
		}
	}
	s := &Server{listener: l, notes: map[string][]string{}}
	tools := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1.0.0"}, nil)
	mcp.AddTool(tools, &mcp.Tool{
		Name:        "whoami",
		Description: "Tells which identity headers the gateway sent with this request.",
	}, s.whoami)
	mcp.AddTool(tools, &mcp.Tool{Name: "add_note", Description: "Keeps a note for you."}, s.addNote)
	mcp.AddTool(tools, &mcp.Tool{Name: "list_notes", Description: "Lists your notes."}, s.listNotes)
	// The server listens on loopback, but its clients come through the gateway and
	// name the gateway's host.
	o.DisableLocalhostProtection = true
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return tools }, &o)
	s.http = &http.Server{Handler: s.record(handler), ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l)
	return s, nil
}

// Addr returns the address that the server listens on, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server.
func (s *Server) Close() error { return s.http.Close() }

// Requests returns how many HTTP requests have reached the server.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Last returns the request that reached the server last, without its body, or
// nil.
func (s *Server) Last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *Server) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := r.Clone(context.Background())
		seen.Body = nil
		s.mu.Lock()
		s.count++
		s.last = seen
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Caller is the answer of the whoami tool.
type Caller struct {
	// Identity holds the x-mcpauth-* headers, with lower-case names.
	Identity map[string]string `json:"identity"`
	// AuthorizationPresent reports whether the request had an Authorization header.
	AuthorizationPresent bool `json:"authorization_present"`
	// ProtocolVersion is the MCP-Protocol-Version header of the request.
	ProtocolVersion string `json:"protocol_version"`
}

func (s *Server) whoami(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, Caller, error) {
	c := Caller{Identity: map[string]string{}}
	if req.Extra != nil {
		for name, values := range req.Extra.Header {
			if name := strings.ToLower(name); strings.HasPrefix(name, identityPrefix) {
				c.Identity[name] = strings.Join(values, ", ")
			}
		}
		c.AuthorizationPresent = req.Extra.Header.Get("Authorization") != ""
		c.ProtocolVersion = req.Extra.Header.Get("MCP-Protocol-Version")
	}
	text := "You are " + c.Identity[identityPrefix+"subject"] + "."
	if c.Identity[identityPrefix+"subject"] == "" {
		text = "The gateway sent no identity."
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, c, nil
}

// maxNotes bounds the notes of one caller.
const maxNotes = 1000

// Note is the argument of add_note.
type Note struct {
	Text string `json:"text" jsonschema:"the text of the note"`
}

// Notes is the answer of add_note and list_notes.
type Notes struct {
	Notes []string `json:"notes"`
}

func (s *Server) addNote(_ context.Context, req *mcp.CallToolRequest, n Note) (*mcp.CallToolResult, Notes, error) {
	who := subject(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes[who]) >= maxNotes {
		return nil, Notes{}, errors.New("the notebook is full")
	}
	s.notes[who] = append(s.notes[who], n.Text)
	return nil, Notes{append([]string{}, s.notes[who]...)}, nil
}

func (s *Server) listNotes(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, Notes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, Notes{append([]string{}, s.notes[subject(req)]...)}, nil
}

func subject(req *mcp.CallToolRequest) string {
	if req.Extra == nil {
		return ""
	}
	return req.Extra.Header.Get(identityPrefix + "subject")
}
