package mcpserver

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// as adds the headers that the gateway would.
type as map[string]string

func (h as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for k, v := range h {
		r.Header.Set(k, v)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func connect(t *testing.T, s *Server, headers as) *mcp.ClientSession {
	t.Helper()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(context.Background(),
		&mcp.StreamableClientTransport{Endpoint: "http://" + s.Addr() + "/notes", HTTPClient: &http.Client{Transport: headers}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func call[Out any](t *testing.T, session *mcp.ClientSession, tool string, args any) Out {
	t.Helper()
	res, err := session.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	if res.IsError {
		t.Fatalf("%s failed: %+v", tool, res.Content)
	}
	var out Out
	doc, _ := json.Marshal(res.StructuredContent)
	if err := json.Unmarshal(doc, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhoamiReportsIdentityHeaders(t *testing.T) {
	s, err := Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	alice := connect(t, s, as{"X-Mcpauth-Subject": "alice", "X-Mcpauth-Scope": "a b", "Authorization": "Bearer x"})
	got := call[Caller](t, alice, "whoami", nil)
	if got.Identity["x-mcpauth-subject"] != "alice" || got.Identity["x-mcpauth-scope"] != "a b" || len(got.Identity) != 2 {
		t.Errorf("identity = %v", got.Identity)
	}
	if !got.AuthorizationPresent {
		t.Error("the Authorization header was not reported")
	}
	if got.ProtocolVersion == "" {
		t.Error("the version of the protocol was not reported")
	}
	if s.Requests() == 0 || s.Last().Header.Get("X-Mcpauth-Subject") != "alice" {
		t.Error("the requests were not recorded")
	}
}

func TestNotesBelongToTheirSubject(t *testing.T) {
	s, err := Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	alice, bob := connect(t, s, as{"X-Mcpauth-Subject": "alice"}), connect(t, s, as{"X-Mcpauth-Subject": "bob"})
	call[Notes](t, alice, "add_note", Note{"buy milk"})
	if got := call[Notes](t, alice, "list_notes", nil).Notes; len(got) != 1 || got[0] != "buy milk" {
		t.Errorf("alice's notes = %q", got)
	}
	if got := call[Notes](t, bob, "list_notes", nil).Notes; len(got) != 0 {
		t.Errorf("bob sees %q", got)
	}
}
