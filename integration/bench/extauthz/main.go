// Command extauthz is an authorization service for Envoy's ext_authz filter, as one writes it
// with go-oidc: it verifies the access token of each request, asks for a scope, and refuses in
// the form that MCP clients need.
//
//	extauthz -issuer URL -resource URL -scope SCOPE [-cache ENTRIES]
//
// It listens on a free port, which the first line of its output names.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func main() {
	issuer := flag.String("issuer", "", "the issuer of the tokens")
	resource := flag.String("resource", "", "the URL of the MCP server, the audience of the tokens")
	scope := flag.String("scope", "", "the scope that every request needs")
	cache := flag.Int("cache", 0, "remember so many verified tokens")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	s := &service{metadata: metadataURL(*resource), scope: *scope}
	if *cache > 0 {
		s.seen = newCache(*cache)
	}
	go s.connect(*issuer, *resource)
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, s)
	log.Fatal(server.Serve(listener))
}

// metadataURL returns the URL of the protected resource metadata (RFC 9728, section 3.1).
func metadataURL(resource string) string {
	u, err := url.Parse(resource)
	if err != nil {
		log.Fatal(err)
	}
	u.Path = "/.well-known/oauth-protected-resource" + u.Path
	return u.String()
}

// service decides about requests.
type service struct {
	authv3.UnimplementedAuthorizationServer
	metadata, scope string
	verifier        atomic.Pointer[oidc.IDTokenVerifier] // nil until the issuer's metadata is there
	seen            *cache                               // nil without -cache
}

// connect looks for the issuer's metadata until it has them. go-oidc fetches the keys with the
// first token, and again for a token with an unknown key.
func (s *service) connect(issuer, resource string) {
	for {
		provider, err := oidc.NewProvider(context.Background(), issuer)
		if err == nil {
			s.verifier.Store(provider.Verifier(&oidc.Config{
				ClientID: resource, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
			}))
			return
		}
		log.Print(err)
		time.Sleep(time.Second)
	}
}

// caller is what a token says.
type caller struct {
	subject string
	scopes  []string
	expires time.Time
}

// Check implements the interface of the filter.
func (s *service) Check(ctx context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	scheme, token, _ := strings.Cut(request.GetAttributes().GetRequest().GetHttp().GetHeaders()["authorization"], " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return s.refuse(typev3.StatusCode_Unauthorized, fmt.Sprintf(`scope=%q`, s.scope)), nil
	}
	c, err := s.verify(ctx, token)
	if status.Code(err) == codes.Unavailable {
		return nil, err // Envoy answers with status_on_error
	}
	if err != nil {
		return s.refuse(typev3.StatusCode_Unauthorized, `error="invalid_token"`), nil
	}
	if !slices.Contains(c.scopes, s.scope) {
		return s.refuse(typev3.StatusCode_Forbidden, fmt.Sprintf(`error="insufficient_scope", scope=%q`, s.scope)), nil
	}
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{
			Headers:         []*corev3.HeaderValueOption{header("x-user", c.subject)},
			HeadersToRemove: []string{"authorization"},
		}},
	}, nil
}

// verify returns the caller of a valid token.
func (s *service) verify(ctx context.Context, token string) (*caller, error) {
	if c := s.seen.get(token); c != nil {
		return c, nil
	}
	verifier := s.verifier.Load()
	if verifier == nil {
		return nil, status.Error(codes.Unavailable, "no metadata of the issuer yet")
	}
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	var claims struct {
		Scope string `json:"scope"`
	}
	if err := verified.Claims(&claims); err != nil {
		return nil, err
	}
	c := &caller{verified.Subject, strings.Fields(claims.Scope), verified.Expiry}
	s.seen.add(token, c)
	return c, nil
}

// refuse returns an answer with a challenge (RFC 6750, section 3, and RFC 9728, section 5.1).
func (s *service) refuse(code typev3.StatusCode, parameters string) *authv3.CheckResponse {
	challenge := fmt.Sprintf("Bearer %s, resource_metadata=%q", parameters, s.metadata)
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(codes.PermissionDenied), Message: http.StatusText(int(code))},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: code},
			Headers: []*corev3.HeaderValueOption{header("www-authenticate", challenge)},
		}},
	}
}

// header returns a header that replaces those of its name.
func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
