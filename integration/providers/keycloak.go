//go:build providers

package providers

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/install"
)

// The distribution of Keycloak: a zip file on Maven Central. It needs Java 17
// or later.
const (
	keycloakVersion = "26.7.3"
	keycloakSHA256  = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
)

// Keycloak is a running Keycloak with a realm for MCP.
type Keycloak struct {
	*process
	origin string
	admin  *keycloakAdmin
}

// keycloakUser is a person in front of Keycloak's login page, and of the consent
// page, where "accept" is the button Yes.
var keycloakUser = user{"username": "alice", "password": "alice's password", "accept": "Yes"}

// StartKeycloak starts Keycloak in production mode, with a database in memory and
// an administrator. It has no realm for MCP yet.
func StartKeycloak(ctx context.Context) (*Keycloak, error) {
	// 1. Install it, and build it for its database.
	dir, err := cached("keycloak-"+keycloakVersion, func(partial string) error { return installKeycloak(ctx, partial) })
	if err != nil {
		return nil, err
	}
	s := &Keycloak{}
	password := rand.Text()
	err = onFreePorts(1, func(ports []int) error {
		// 2. Start it. --hostname is what stands before /realms/mcp in the issuer.
		s.origin = fmt.Sprintf("http://%s:%d", loopback.Host, ports[0])
		s.process, err = start(ctx, s.origin+"/realms/master", []string{
			"KC_BOOTSTRAP_ADMIN_USERNAME=admin",
			"KC_BOOTSTRAP_ADMIN_PASSWORD=" + password,
		}, filepath.Join(dir, "bin", "kc.sh"), "start", "--optimized",
			"--hostname="+s.origin,
			"--http-enabled=true", // TLS ends before it
			"--http-host="+loopback.Host, "--http-port="+strconv.Itoa(ports[0]),
			"--cache=local", // one node
			"--spi-cors--default--allowed-headers=MCP-Protocol-Version", // browsers: see the page
		)
		return err
	})
	if err != nil {
		return nil, err
	}
	// 3. Log in as the administrator.
	if s.admin, err = loginKeycloakAdmin(ctx, s.origin, password); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func installKeycloak(ctx context.Context, dir string) error {
	download, err := os.MkdirTemp("", "mcpauth-keycloak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(download)
	artifact := "org.keycloak:keycloak-quarkus-dist:" + keycloakVersion + ":zip"
	if err := install.Run(ctx, download, "mvn", "-q", "-B", "dependency:copy", "-Dartifact="+artifact, "-DoutputDirectory="+download); err != nil {
		return err
	}
	archive := filepath.Join(download, "keycloak-quarkus-dist-"+keycloakVersion+".zip")
	if err := checkSHA256(archive, keycloakSHA256); err != nil {
		return err
	}
	if err := unzip(archive, dir); err != nil {
		return err
	}
	return install.Run(ctx, dir, filepath.Join(dir, "bin", "kc.sh"), "build", "--db=dev-mem")
}

// KeycloakRealm is a realm for MCP.
type KeycloakRealm struct {
	server *Keycloak
	name   string
}

// issuer is what the realm's tokens carry as iss.
func (r *KeycloakRealm) issuer() string { return r.server.origin + "/realms/" + r.name }

// do calls the admin API of the realm.
func (r *KeycloakRealm) do(ctx context.Context, method, path string, body, answer any) error {
	return r.server.admin.do(ctx, method, "/"+r.name+path, body, answer)
}

// CreateRealm makes a realm, as a realm is from the start, with a user who has the
// role editor.
func (s *Keycloak) CreateRealm(ctx context.Context, name string) (*KeycloakRealm, error) {
	r := &KeycloakRealm{s, name}
	if err := s.admin.do(ctx, http.MethodPost, "", object{"realm": name, "enabled": true}, nil); err != nil {
		return nil, err
	}
	if err := r.do(ctx, http.MethodPost, "/roles", object{"name": "editor"}, nil); err != nil {
		return nil, err
	}
	// With a complete profile: Keycloak asks at the login for what it lacks.
	err := r.do(ctx, http.MethodPost, "/users", object{
		"username": keycloakUser["username"], "enabled": true,
		"firstName": "Alice", "lastName": "Example", "email": "alice@example.com", "emailVerified": true,
		"credentials": []object{{"type": "password", "value": keycloakUser["password"]}},
	}, nil)
	if err != nil {
		return nil, err
	}
	id, err := r.find(ctx, "/users", "username", keycloakUser["username"])
	if err != nil {
		return nil, err
	}
	role, err := r.get(ctx, "/roles/editor")
	if err != nil {
		return nil, err
	}
	return r, r.do(ctx, http.MethodPost, "/users/"+id+"/role-mappings/realm", []object{role}, nil)
}

// AddScopes makes the client scopes that MCP clients ask for, as optional ones of
// the realm: a client that registers may have them.
func (r *KeycloakRealm) AddScopes(ctx context.Context, resource string) error {
	// The scope that every request needs also puts into the token what the gateway
	// needs: its mappers work for each token with that scope.
	read, err := r.addScope(ctx, "read:notes", "optional",
		r.audienceMapper("included.custom.audience", resource),  // the resource
		r.audienceMapper("included.client.audience", "gateway"), // who may introspect
		r.rolesMapper(),
	)
	if err != nil {
		return err
	}
	// The roles that a token with this scope may show: a client that registers
	// itself has "Full scope allowed" off.
	if err := r.showRole(ctx, read, "editor"); err != nil {
		return err
	}
	_, err = r.addScope(ctx, "write:notes", "optional")
	return err
}

// audienceMapper puts an audience into access tokens. kind is "Included Custom
// Audience" or "Included Client Audience" in the console.
func (r *KeycloakRealm) audienceMapper(kind, audience string) object {
	return keycloakMapper(audience, "oidc-audience-mapper", object{
		kind: audience, "access.token.claim": "true", "introspection.token.claim": "true",
	})
}

// rolesMapper puts the realm's roles into access tokens, as realm_access.roles. The
// scope "roles" has it too, but a client that registers with scopes loses that one.
func (r *KeycloakRealm) rolesMapper() object {
	return keycloakMapper("realm roles", "oidc-usermodel-realm-role-mapper", object{
		"claim.name": "realm_access.roles", "multivalued": "true", "jsonType.label": "String",
		"access.token.claim": "true", "introspection.token.claim": "true",
	})
}

// showRole maps a role of the realm to a client scope.
func (r *KeycloakRealm) showRole(ctx context.Context, scope, name string) error {
	role, err := r.get(ctx, "/roles/"+name)
	if err != nil {
		return err
	}
	return r.do(ctx, http.MethodPost, "/client-scopes/"+scope+"/scope-mappings/realm", []object{role}, nil)
}

func keycloakMapper(name, kind string, config object) object {
	return object{"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
}

// addScope makes a client scope. kind is "optional", for scopes that clients ask
// for, or "default", for those that clients get without asking.
func (r *KeycloakRealm) addScope(ctx context.Context, name, kind string, mappers ...object) (id string, err error) {
	err = r.do(ctx, http.MethodPost, "/client-scopes", object{
		"name": name, "protocol": "openid-connect", "protocolMappers": mappers,
		"attributes": object{"include.in.token.scope": "true", "display.on.consent.screen": "true"},
	}, nil)
	if err != nil {
		return "", err
	}
	if id, err = r.find(ctx, "/client-scopes", "name", name); err != nil {
		return "", err
	}
	return id, r.do(ctx, http.MethodPut, "/default-"+kind+"-client-scopes/"+id, nil, nil)
}

// AllowRegistration lets clients register without a token from anywhere, if they
// send their users back to their own machine or to one of these hosts. In the
// console: Clients, Client registration, Anonymous access policies.
func (r *KeycloakRealm) AllowRegistration(ctx context.Context, hosts ...string) error {
	return r.changePolicy(ctx, "trusted-hosts", object{
		"host-sending-registration-request-must-match": []string{"false"},
		"client-uris-must-match":                       []string{"true"},
		"trusted-hosts":                                append([]string{"127.0.0.1", "localhost"}, hosts...),
	})
}

// AllowOrigins lets clients in web pages of these origins register.
func (r *KeycloakRealm) AllowOrigins(ctx context.Context, origins ...string) error {
	return r.changePolicy(ctx, "registration-web-origins", object{"web-origins": origins})
}

// changePolicy changes a policy for clients that register without a token.
func (r *KeycloakRealm) changePolicy(ctx context.Context, provider string, config object) error {
	var policies []object
	if err := r.do(ctx, http.MethodGet, "/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy", nil, &policies); err != nil {
		return err
	}
	for _, p := range policies {
		if p["providerId"] == provider && p["subType"] == "anonymous" {
			p["config"] = config
			return r.do(ctx, http.MethodPut, "/components/"+p["id"].(string), p, nil)
		}
	}
	return fmt.Errorf("keycloak: no policy %s", provider)
}

// AddGateway makes the client that the gateway introspects with.
func (r *KeycloakRealm) AddGateway(ctx context.Context) error {
	return r.do(ctx, http.MethodPost, "/clients", object{
		"clientId": "gateway", "secret": gatewaySecret, "publicClient": false,
		"standardFlowEnabled": false, "directAccessGrantsEnabled": false,
	}, nil)
}

// AddProxyClient makes the client as which oauth_proxy signs users in. Users come back to
// redirectURI.
func (r *KeycloakRealm) AddProxyClient(ctx context.Context, redirectURI string) error {
	return r.do(ctx, http.MethodPost, "/clients", object{
		"clientId": "mcp-gateway", "secret": gatewaySecret, "publicClient": false, "redirectUris": []string{redirectURI},
		"standardFlowEnabled": true, "directAccessGrantsEnabled": false,
	}, nil)
}

// keycloakKeyKinds has the provider of a new key and its settings, by the algorithm.
var keycloakKeyKinds = map[string]struct{ provider, member, value string }{
	"RS256": {"rsa-generated", "algorithm", "RS256"},
	"PS256": {"rsa-generated", "algorithm", "PS256"},
	"ES256": {"ecdsa-generated", "ecdsaEllipticCurveKey", "P-256"},
	"ES384": {"ecdsa-generated", "ecdsaEllipticCurveKey", "P-384"},
	"ES512": {"ecdsa-generated", "ecdsaEllipticCurveKey", "P-521"},
	"EdDSA": {"eddsa-generated", "eddsaEllipticCurveKey", "Ed25519"},
}

// AddKey makes a key that signs from now on: its algorithm becomes the realm's "Default
// Signature Algorithm". It returns the key's id.
func (r *KeycloakRealm) AddKey(ctx context.Context, algorithm string, priority int) (id string, err error) {
	kind, ok := keycloakKeyKinds[algorithm]
	if !ok {
		return "", fmt.Errorf("keycloak: no key for %s", algorithm)
	}
	name := algorithm + " " + strconv.Itoa(priority)
	err = r.do(ctx, http.MethodPost, "/components", object{
		"name": name, "providerId": kind.provider, "providerType": "org.keycloak.keys.KeyProvider",
		"config": object{
			"priority": []string{strconv.Itoa(priority)}, "enabled": []string{"true"}, "active": []string{"true"},
			kind.member: []string{kind.value},
		},
	}, nil)
	if err == nil {
		err = r.do(ctx, http.MethodPut, "", object{"defaultSignatureAlgorithm": algorithm}, nil)
	}
	if err != nil {
		return "", err
	}
	return r.find(ctx, "/components?type=org.keycloak.keys.KeyProvider", "name", name)
}

// RemoveKey deletes a key.
func (r *KeycloakRealm) RemoveKey(ctx context.Context, id string) error {
	return r.do(ctx, http.MethodDelete, "/components/"+id, nil, nil)
}
