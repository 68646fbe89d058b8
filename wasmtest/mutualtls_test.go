package wasmtest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// certificates are the DER of two certificates, as far as the plugin can tell.
var certificateA, certificateB = []byte("certificate A"), []byte("certificate B")

// present makes the clients of later requests present a certificate; nil for none.
func present(h *Host, certificate []byte) {
	var value []byte
	if certificate != nil {
		digest := sha256.Sum256(certificate)
		value = []byte(hex.EncodeToString(digest[:]))
	}
	h.SetProperty(value, "connection", "sha256_peer_certificate_digest")
}

// boundTo returns the claim that binds a token to a certificate.
func boundTo(certificate []byte) object {
	digest := sha256.Sum256(certificate)
	return object{"cnf": object{"x5t#S256": base64.RawURLEncoding.EncodeToString(digest[:])}}
}

// xfcc returns an X-Forwarded-Client-Cert header of Envoy.
func xfcc(certificate []byte) [2]string {
	digest := sha256.Sum256(certificate)
	return [2]string{"X-Forwarded-Client-Cert", "By=spiffe://a/b;Hash=" + hex.EncodeToString(digest[:]) + `;Subject="CN=a,O=\"b\""`}
}

const (
	presentedNone  = "client certificate, and the client presented none"
	presentedOther = "bound to another client certificate"
	notBound       = "not bound to a client certificate, which is required"
)

// What a request gets depends on the certificate of its own connection, for a new token and
// for one that was seen before. A token that is not bound costs no call of the host.
func TestMutualTLS(t *testing.T) {
	h := newHost(t, Options{})
	vms := map[string]*VM{}
	for _, choice := range []string{"off", "accept", "required"} {
		vms[choice] = start(t, h, config(server(nil), notes(object{"mutual_tls": choice}), nil))
	}
	for _, tt := range []struct {
		choice      string
		claims      object
		certificate []byte
		want        string // of error_description; empty: it goes on
	}{
		{"off", nil, certificateA, ""},
		{"off", boundTo(certificateA), certificateA, "bound to a proof"},
		{"accept", nil, nil, ""},
		{"accept", nil, certificateB, ""},
		{"accept", boundTo(certificateA), certificateA, ""},
		{"accept", boundTo(certificateA), nil, presentedNone},
		{"accept", boundTo(certificateA), certificateB, presentedOther},
		{"accept", boundTo(certificateB), certificateA, presentedOther},
		{"accept", object{"cnf": object{"jkt": strings.Repeat("A", 43)}}, certificateA, "bound to a proof"},
		{"accept", object{"cnf": object{}}, certificateA, "bound to a proof"},
		{"accept", object{"cnf": with(boundTo(certificateA)["cnf"].(object), object{"kid": "x"})}, certificateA, "bound to a proof"},
		{"required", nil, certificateA, notBound},
		{"required", boundTo(certificateA), certificateA, ""},
		{"required", boundTo(certificateA), nil, presentedNone},
	} {
		token := rsaKey.bearer(claims(h, tt.claims))
		for range 2 {
			present(h, tt.certificate)
			s := vms[tt.choice].Request(rpc("/notes", token))
			if calls := s.HostCalls()["proxy_get_property"]; calls > 1 || calls == 1 && tt.claims == nil {
				t.Errorf("%+v: %d calls of the host", tt, calls)
			}
			if tt.want == "" {
				wantForwarded(t, s)
			} else {
				wantInvalid(t, s, tt.want)
			}
			s.Close()
		}
	}
}

// A bound token in the cache is of use to the connections with its certificate only,
// whichever of them came first.
func TestStolenTokenWithoutItsCertificate(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"mutual_tls": "accept"}), nil))
	token := rsaKey.bearer(claims(h, boundTo(certificateA)))
	for range 3 {
		present(h, nil)
		wantInvalid(t, vm.Request(rpc("/notes", token)), presentedNone)
		present(h, certificateB)
		wantInvalid(t, vm.Request(rpc("/notes", strings.Replace(token, "Bearer ", "bearer  ", 1))), presentedOther)
		present(h, certificateA)
		s := vm.Request(rpc("/notes", token))
		if s.Upstream().Get("x-mcpauth-subject") != "alice" {
			t.Errorf("headers %v", s.Upstream())
		}
		wantForwarded(t, s)
	}
	vm.Tick()
	if hits := h.Counter(requestsTotal + "passed.reason=cache_hit"); hits != 3 { // the first request was refused once its token had passed
		t.Errorf("%d of the requests came to the cache", hits)
	}
	if refused := h.Counter(requestsTotal + "invalid_token.reason=certificate"); refused != 6 {
		t.Errorf("%d requests were refused for their certificate", refused)
	}
}

// If the host cannot tell the certificate, there is none.
func TestCertificateThatCannotBeRead(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"mutual_tls": "accept"}), nil))
	token := rsaKey.bearer(claims(h, boundTo(certificateA)))
	present(h, certificateA)
	for _, status := range []Status{NotFound, InternalFailure, InvalidMemoryAccess} {
		h.FailCall("proxy_get_property", status)
		wantInvalid(t, vm.Request(rpc("/notes", token)), presentedNone)
	}
	h.FailCall("proxy_get_property", OK)
	for _, value := range []string{"", "x", strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("a", 1<<20)} {
		h.SetProperty([]byte(value), "connection", "sha256_peer_certificate_digest")
		wantInvalid(t, vm.Request(rpc("/notes", token)), presentedNone)
	}
	present(h, certificateA)
	wantForwarded(t, vm.Request(rpc("/notes", token)))
}

// The header counts only where the configuration trusts it, and there nothing else does.
func TestForwardedClientCertificate(t *testing.T) {
	h := newHost(t, Options{})
	trusting := start(t, h, config(server(nil), notes(object{"mutual_tls": "accept", "trust_forwarded_client_cert": true}), nil))
	other := start(t, h, config(server(nil), notes(object{"mutual_tls": "accept"}), nil))
	token := rsaKey.bearer(claims(h, boundTo(certificateA)))
	good := xfcc(certificateA)
	for _, tt := range []struct {
		name        string
		vm          *VM
		certificate []byte
		headers     [][2]string
		want        string
	}{
		{"trusted", trusting, nil, [][2]string{good}, ""},
		{"trusted, on the proxy's own connection", trusting, certificateB, [][2]string{good}, ""},
		{"trusted, of another client", trusting, certificateA, [][2]string{xfcc(certificateB)}, presentedOther},
		{"no header", trusting, certificateA, nil, presentedNone},
		{"an empty header", trusting, certificateA, [][2]string{{good[0], ""}}, presentedNone},
		{"two headers", trusting, certificateA, [][2]string{good, good}, presentedNone},
		{"two headers, one empty", trusting, certificateA, [][2]string{{good[0], ""}, good}, presentedNone},
		{"two elements", trusting, certificateA, [][2]string{{good[0], good[1] + "," + xfcc(certificateB)[1]}}, presentedNone},
		{"underscores", trusting, certificateA, [][2]string{{"x_forwarded_client_cert", good[1]}}, presentedNone},
		{"dots", trusting, certificateA, [][2]string{{"x.forwarded.client.cert", good[1]}}, presentedNone},
		{"underscores beside it", trusting, certificateA, [][2]string{{"x_forwarded_client_cert", xfcc(certificateB)[1]}, good}, ""},
		{"forged, not trusted", other, nil, [][2]string{good}, presentedNone},
		{"forged, not trusted, another certificate", other, certificateB, [][2]string{good}, presentedOther},
		{"not trusted, the right certificate", other, certificateA, [][2]string{xfcc(certificateB)}, ""},
	} {
		present(h, tt.certificate)
		s := tt.vm.Request(rpc("/notes", token, tt.headers...))
		if tt.want == "" {
			wantForwarded(t, s)
		} else {
			wantInvalid(t, s, tt.want)
		}
		if t.Failed() {
			t.Fatal(tt.name)
		}
	}
}

// A request that waits is decided by its own header and its own connection.
func TestMutualTLSOfHeldRequests(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(object{"mutual_tls": "accept"}), object{"resources": []object{
		notes(object{"mutual_tls": "accept"}),
		{"resource": "https://mcp.example.com/behind", "audiences": []string{resource}, "mutual_tls": "accept", "trust_forwarded_client_cert": true},
	}}))
	token := rsaKey.bearer(claims(h, boundTo(certificateA)))
	var streams []*Stream
	for i := range 12 {
		path, certificate := [2]string{"/notes", "/behind"}[i/2%2], [2][]byte{certificateA, certificateB}[i%2]
		present(h, certificate)
		if path == "/behind" {
			present(h, nil)
		}
		streams = append(streams, vm.Request(rpc(path, token, xfcc(certificate))))
	}
	present(h, nil)
	goodServer(rsaKey).run(h, 3*time.Second)
	for i, s := range streams {
		if i%2 == 0 {
			wantForwarded(t, s)
		} else {
			wantInvalid(t, s, presentedOther)
		}
	}
}

// What an introspection response says of the certificate counts, and so does what a JWT
// says that the server was asked about: a response need not repeat it. The response is
// cached; the proof is not.
func TestMutualTLSOfIntrospectedTokens(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"jwt": true}), notes(object{"mutual_tls": "accept"}), nil))
	about := func(members object) object { return with(aboutToken(h, nil), members) }
	ofA, plain := strings.TrimPrefix(rsaKey.bearer(claims(h, boundTo(certificateA))), "Bearer "), strings.TrimPrefix(rsaKey.bearer(claims(h, nil)), "Bearer ")
	ofKey := strings.TrimPrefix(rsaKey.bearer(claims(h, object{"cnf": object{"jkt": strings.Repeat("A", 43)}})), "Bearer ")
	a := newAsked(map[string]object{
		"bound": about(boundTo(certificateA)), "plain": about(nil), "key": about(object{"cnf": object{"jkt": strings.Repeat("A", 43)}}),
		ofA: about(nil), plain: about(boundTo(certificateA)), ofKey: about(nil),
	})
	for range 2 {
		for _, tt := range []struct {
			token       string
			certificate []byte
			want        string
		}{
			{"plain", nil, ""},
			{"bound", certificateA, ""},
			{"bound", nil, presentedNone},
			{"bound", certificateB, presentedOther},
			{"key", certificateA, "bound to a proof"},
			{ofA, certificateA, ""},
			{ofA, nil, presentedNone},
			{ofA, certificateB, presentedOther},
			{plain, certificateA, ""},
			{plain, nil, presentedNone},
			{ofKey, certificateA, "bound to a proof"},
		} {
			present(h, tt.certificate)
			s := a.decided(h, vm, tt.token)
			if tt.want == "" {
				wantForwarded(t, s)
			} else {
				wantInvalid(t, s, tt.want)
			}
		}
	}
	if a.count["bound"] != 1 || a.count[ofA] != 1 {
		t.Errorf("the server was asked %d and %d times", a.count["bound"], a.count[ofA])
	}
	// The two say different things of one token: nobody can prove both.
	b := newAsked(map[string]object{ofA: about(boundTo(certificateB))})
	vm = start(t, h, config(opaque(object{"jwt": true}), notes(object{"mutual_tls": "accept"}), nil))
	for _, certificate := range [][]byte{certificateA, certificateB} {
		present(h, certificate)
		wantInvalid(t, b.decided(h, vm, ofA), "bound to a proof")
	}
}

// The claim of a userinfo answer counts too.
func TestMutualTLSOfUserinfo(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(object{"userinfo": object{"endpoint": issuer + "/user", "audience_unchecked": true, "claims": object{"subject": "sub"}}}),
		object{"resource": resource, "mutual_tls": "accept"}, nil))
	for _, tt := range []struct {
		certificate []byte
		want        string
	}{{certificateA, ""}, {nil, presentedNone}, {certificateB, presentedOther}} {
		present(h, tt.certificate)
		s := vm.Request(rpc("/notes", "Bearer opaque"))
		h.Run(10*time.Millisecond, func() {
			for len(h.Callouts()) > 0 {
				h.Callouts()[0].Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(with(boundTo(certificateA), object{"sub": "alice"}))))
			}
		})
		if tt.want == "" {
			wantForwarded(t, s)
		} else {
			wantInvalid(t, s, tt.want)
		}
	}
}

// The metadata says that tokens may be bound: RFC 9728, section 2.
func TestMutualTLSInMetadata(t *testing.T) {
	h := newHost(t, Options{})
	for choice, want := range map[string]bool{"off": false, "accept": true, "required": true} {
		vm := start(t, h, config(server(nil), notes(object{"mutual_tls": choice}), nil))
		s := vm.Request(request("GET", prm+"/notes"))
		if got := strings.Contains(string(s.Local().Body), `"tls_client_certificate_bound_access_tokens":true`); got != want {
			t.Errorf("%s: %s", choice, s.Local().Body)
		}
	}
}

// The log says why a bound token is refused, as of any other, and no more.
func TestMutualTLSInTheLog(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"mutual_tls": "required", "trust_forwarded_client_cert": true}), nil))
	token, digest := rsaKey.bearer(claims(h, boundTo(certificateA))), xfcc(certificateB)
	for _, tt := range []struct {
		authorization string
		headers       [][2]string
		want          string
	}{
		{token, nil, "refused at " + resource + ": the token is bound to a client certificate, and the client presented none; issuer " + `"` + issuer + `"`},
		{rsaKey.bearer(claims(h, nil)), nil, "refused at " + resource + ": the token is not bound to a client certificate, which is required here; issuer "},
		{token, [][2]string{digest}, "refused at " + resource + ": the token is bound to another client certificate; issuer "},
	} {
		h.Run(2*time.Minute, nil) // a line a minute for each reason
		wantStatus(t, vm.Request(rpc("/notes", tt.authorization, tt.headers...)), 401)
		if !strings.Contains(h.LogText(), tt.want) {
			t.Errorf("the log lacks %q:\n%s", tt.want, h.LogText())
		}
	}
	if text := h.LogText(); strings.Contains(text, digest[1]) || strings.Contains(text, strings.TrimPrefix(token, "Bearer ")) {
		t.Errorf("the log has the token or the header:\n%s", text)
	}
}
