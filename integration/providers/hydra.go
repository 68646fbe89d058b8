//go:build providers

package providers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/install"
)

// hydraVersion is in hydra/go.mod, too, with the checksums in hydra/go.sum.
const hydraVersion = "v2.3.0"

// Hydra is a running Ory Hydra, with the application that logs users in and asks
// for their consent, which every Hydra needs.
type Hydra struct {
	*process
	issuer string // of the tokens, where Hydra listens for the public
	admin  string // where it listens for administrators
	login  *httptest.Server
}

// HydraOptions change what the page has.
type HydraOptions struct {
	// Opaque leaves out strategies.access_token.
	Opaque bool
	// NoRegistration leaves out what makes Hydra publish where clients register,
	// and the scopes of those that register without.
	NoRegistration bool
	// NoAudience makes the consent application grant no audience.
	NoAudience bool
}

// StartHydra starts Hydra with the settings of its page, and a login and consent
// application that grants a resource as audience.
func StartHydra(ctx context.Context, resource string, o HydraOptions) (*Hydra, error) {
	// 1. Build it.
	program, err := installHydra(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := pageBlock("hydra.md", "Settings of Hydra", "yaml")
	if err != nil {
		return nil, err
	}
	if o.Opaque {
		settings = strings.ReplaceAll(settings, "access_token: jwt", "access_token: opaque")
	}
	if o.NoRegistration {
		settings, _, _ = strings.Cut(settings, "\noidc:")
		settings += "\noidc: {dynamic_client_registration: {enabled: true}}\n"
	}
	home, err := os.MkdirTemp("", "mcpauth-hydra-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	config := filepath.Join(home, "hydra.yml")

	// 2. Start the login and consent application.
	h := &Hydra{}
	audience := []string{resource}
	if o.NoAudience {
		audience = nil
	}
	h.login = httptest.NewServer(h.loginApplication(audience))

	// 3. Start Hydra with a database in memory. --dev permits http. Hydra makes its
	// keys when it is first asked for them, which may take seconds.
	err = onFreePorts(2, func(ports []int) error {
		h.issuer = fmt.Sprintf("http://%s:%d", loopback.Host, ports[0])
		h.admin = fmt.Sprintf("http://%s:%d", loopback.Host, ports[1])
		text := strings.NewReplacer("https://hydra.example.com", h.issuer, "https://login.example.com", h.login.URL).Replace(settings)
		text += fmt.Sprintf("\ndsn: memory\nsecrets: {system: [a-secret-for-this-test]}\nserve:\n  public: {host: %[1]s, port: %[2]d}\n  admin: {host: %[1]s, port: %[3]d}\n", loopback.Host, ports[0], ports[1])
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return err
		}
		h.process, err = start(ctx, h.issuer+"/.well-known/jwks.json", nil, program, "serve", "all", "--dev", "--sqa-opt-out", "--config", config)
		return err
	})
	if err != nil {
		h.login.Close()
		return nil, err
	}
	return h, nil
}

// installHydra builds Hydra from the Go module, with SQLite for the database in
// memory: a C compiler is needed.
func installHydra(ctx context.Context) (string, error) {
	module, err := folder("providers", "hydra")
	if err != nil {
		return "", err
	}
	dir, err := cached("hydra-"+hydraVersion, func(partial string) error {
		return install.Run(ctx, module, "go", "build", "-trimpath", "-tags", "sqlite,json1,sqlite_omit_load_extension",
			"-ldflags", "-s -w -X github.com/ory/hydra/v2/driver/config.Version="+hydraVersion,
			"-o", filepath.Join(partial, "hydra"), "github.com/ory/hydra/v2")
	})
	return filepath.Join(dir, "hydra"), err
}

// loginApplication is the application at urls.login and urls.consent. It takes
// everybody for alice, and grants what the client asks for: a real one shows pages
// there. The audience of a token is what it grants: Hydra ignores the parameter
// resource.
func (h *Hydra) loginApplication(audience []string) http.Handler {
	accept := func(w http.ResponseWriter, r *http.Request, flow string, answer func(request object) object) {
		query := flow + "_challenge=" + url.QueryEscape(r.URL.Query().Get(flow+"_challenge"))
		endpoint := h.admin + "/admin/oauth2/auth/requests/" + flow
		var request, accepted object
		err := callJSON(r.Context(), http.MethodGet, endpoint+"?"+query, "", nil, &request)
		if err == nil {
			err = callJSON(r.Context(), http.MethodPut, endpoint+"/accept?"+query, "", answer(request), &accepted)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, accepted["redirect_to"].(string), http.StatusFound)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		accept(w, r, "login", func(object) object { return object{"subject": "alice"} })
	})
	mux.HandleFunc("GET /consent", func(w http.ResponseWriter, r *http.Request) {
		accept(w, r, "consent", func(request object) object {
			return object{
				"grant_scope":                 request["requested_scope"],
				"grant_access_token_audience": audience,
				// What is here stands in a JWT, and in an introspection, as ext.roles.
				"session": object{"access_token": object{"roles": []string{"editor"}}},
			}
		})
	})
	return mux
}

// AddClient makes a client by hand, for oauth_proxy.
func (h *Hydra) AddClient(ctx context.Context, id, secret, redirectURI string) error {
	return callJSON(ctx, http.MethodPost, h.admin+"/admin/clients", "", object{
		"client_id": id, "client_secret": secret, "token_endpoint_auth_method": "client_secret_basic",
		"redirect_uris": []string{redirectURI}, "scope": "read:notes write:notes offline_access",
		"grant_types": []string{"authorization_code", "refresh_token"},
	}, nil)
}

// hydraKeys are the keys that access tokens are signed with.
const hydraKeys = "/admin/keys/hydra.jwt.access-token"

// AddKey makes a new key: Hydra signs with the newest, and publishes all.
func (h *Hydra) AddKey(ctx context.Context) error {
	return callJSON(ctx, http.MethodPost, h.admin+hydraKeys, "", object{"alg": "RS256", "use": "sig", "kid": ""}, nil)
}

// RemoveKey deletes a key.
func (h *Hydra) RemoveKey(ctx context.Context, kid string) error {
	return callJSON(ctx, http.MethodDelete, h.admin+hydraKeys+"/"+url.PathEscape(kid), "", nil, nil)
}

// Stop ends Hydra and the application.
func (h *Hydra) Stop() {
	h.process.Stop()
	h.login.Close()
}
