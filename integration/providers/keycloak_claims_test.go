//go:build providers

package providers

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// keycloakClaims: groups and roles stand where docs/rules.md says that Keycloak puts them.
func keycloakClaims(t *testing.T, server *Keycloak) {
	rules := map[string]struct {
		claims object
		passes bool
	}{
		"group":             {object{"groups": "staff"}, true},
		"group, of others":  {object{"groups": "admins"}, false},
		"group's path":      {object{"group_paths": "/staff"}, true},
		"group, not a path": {object{"group_paths": "staff"}, false},
		"realm role":        {object{"realm_access.roles": []string{"admin", "editor"}}, true},
		"realm role, other": {object{"realm_access.roles": "admin"}, false},
		"client role":       {object{"resource_access.notes.roles": "reader"}, true},
		"another client's":  {object{"resource_access.gateway.roles": "reader"}, false},
		"both":              {object{"groups": "staff", "resource_access.notes.roles": "reader"}, true},
		"only one":          {object{"groups": "admins", "resource_access.notes.roles": "reader"}, false},
	}
	_, s := keycloakScene(t, server, "claims", "Configuration", claimScopes, func(config map[string]any) {
		tools := object{}
		for name, rule := range rules {
			tools[name] = object{"scopes": []string{"read:notes"}, "claims": rule.claims}
		}
		theResource(config)["tools"] = tools
		theResource(config)["required_claims"] = object{"email_verified": true, "typ": "Bearer"}
		config["allow_on_headers_stop_iteration"] = true
	})
	token := s.token(t).Token
	for name, rule := range rules {
		a := s.call(t, name, token)
		refused := a.status == http.StatusForbidden && a.challenge == "" && strings.Contains(a.body, `"access_denied"`)
		if rule.passes && a.status != http.StatusOK || !rule.passes && !refused {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// claimScopes adds the scopes of the page. The token also has the user's groups, by name
// and by path, and the roles that the user has in the client notes.
func claimScopes(ctx context.Context, r *KeycloakRealm, resource string) error {
	if err := r.AddScopes(ctx, resource); err != nil {
		return err
	}
	user, err := r.find(ctx, "/users", "username", keycloakUser["username"])
	if err != nil {
		return err
	}
	scope, err := r.find(ctx, "/client-scopes", "name", "read:notes")
	if err != nil {
		return err
	}
	if err := r.join(ctx, user, "staff"); err != nil {
		return err
	}
	if err := r.giveClientRole(ctx, user, scope, "notes", "reader"); err != nil {
		return err
	}
	for _, mapper := range []object{
		groupsMapper("groups", "false"),
		groupsMapper("group_paths", "true"),
		keycloakMapper("client roles", "oidc-usermodel-client-role-mapper", object{
			"claim.name": "resource_access.${client_id}.roles", "multivalued": "true", "jsonType.label": "String", "access.token.claim": "true",
		}),
		keycloakMapper("email verified", "oidc-usermodel-property-mapper", object{
			"user.attribute": "emailVerified", "claim.name": "email_verified", "jsonType.label": "boolean", "access.token.claim": "true",
		}),
	} {
		if err := r.do(ctx, http.MethodPost, "/client-scopes/"+scope+"/protocol-mappers/models", mapper, nil); err != nil {
			return err
		}
	}
	return nil
}

// groupsMapper puts the user's groups into access tokens. path is "Full group path" in
// the console.
func groupsMapper(claim, path string) object {
	return keycloakMapper(claim, "oidc-group-membership-mapper", object{
		"claim.name": claim, "full.path": path, "access.token.claim": "true",
	})
}

// join makes a group with a user in it.
func (r *KeycloakRealm) join(ctx context.Context, user, group string) error {
	if err := r.do(ctx, http.MethodPost, "/groups", object{"name": group}, nil); err != nil {
		return err
	}
	id, err := r.find(ctx, "/groups", "name", group)
	if err != nil {
		return err
	}
	return r.do(ctx, http.MethodPut, "/users/"+user+"/groups/"+id, nil, nil)
}

// giveClientRole makes a client with a role, which the user has and the scope shows.
func (r *KeycloakRealm) giveClientRole(ctx context.Context, user, scope, client, name string) error {
	if err := r.do(ctx, http.MethodPost, "/clients", object{"clientId": client, "standardFlowEnabled": false}, nil); err != nil {
		return err
	}
	id, err := r.find(ctx, "/clients?clientId="+client, "clientId", client)
	if err != nil {
		return err
	}
	if err := r.do(ctx, http.MethodPost, "/clients/"+id+"/roles", object{"name": name}, nil); err != nil {
		return err
	}
	role, err := r.get(ctx, "/clients/"+id+"/roles/"+name)
	if err != nil {
		return err
	}
	for _, of := range []string{"/users/" + user + "/role-mappings", "/client-scopes/" + scope + "/scope-mappings"} {
		if err := r.do(ctx, http.MethodPost, of+"/clients/"+id, []object{role}, nil); err != nil {
			return err
		}
	}
	return nil
}
