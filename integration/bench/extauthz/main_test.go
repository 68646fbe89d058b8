package main

import (
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// check asks about a request with this Authorization header.
func check(t *testing.T, s *service, authorization string) (*authv3.CheckResponse, error) {
	t.Helper()
	return s.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{Headers: map[string]string{"authorization": authorization}},
	}}})
}

// TestCheckWithoutToken: the client learns where the metadata are, and of no error.
func TestCheckWithoutToken(t *testing.T) {
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Basic YTpi", "DPoP x"} {
		response, err := check(t, &service{metadata: "https://example.com/m", scope: "read"}, authorization)
		if err != nil {
			t.Fatal(err)
		}
		denied := response.GetDeniedResponse()
		if denied == nil || denied.GetStatus().GetCode() != 401 {
			t.Fatalf("%q: %v", authorization, response)
		}
		if challenge := denied.GetHeaders()[0].GetHeader().GetValue(); challenge != `Bearer scope="read", resource_metadata="https://example.com/m"` {
			t.Errorf("%q: %s", authorization, challenge)
		}
	}
}

// TestCheckBeforeTheIssuerIsThere: Envoy is told that nobody can decide, and lets nobody through.
func TestCheckBeforeTheIssuerIsThere(t *testing.T) {
	if response, err := check(t, &service{}, "bearer x"); status.Code(err) != codes.Unavailable || response != nil {
		t.Errorf("%v, %v", response, err)
	}
}

// TestCheckOfACachedCaller: the scope is asked for in each request.
func TestCheckOfACachedCaller(t *testing.T) {
	s := &service{metadata: "https://example.com/m", scope: "read", seen: newCache(2)}
	s.seen.add("good", &caller{"alice", []string{"read"}, farFuture})
	s.seen.add("weak", &caller{"bob", []string{"write"}, farFuture})
	good, err := check(t, s, "Bearer good")
	if err != nil || good.GetOkResponse() == nil || good.GetOkResponse().GetHeaders()[0].GetHeader().GetValue() != "alice" || good.GetOkResponse().GetHeadersToRemove()[0] != "authorization" {
		t.Errorf("%v, %v", good, err)
	}
	weak, err := check(t, s, "Bearer weak")
	if err != nil || weak.GetDeniedResponse().GetStatus().GetCode() != 403 || !strings.Contains(weak.GetDeniedResponse().GetHeaders()[0].GetHeader().GetValue(), "insufficient_scope") {
		t.Errorf("%v, %v", weak, err)
	}
}
