package wasmtest

import "testing"

// Tokens that the authorization server signs with the same key, for the client
// whose ID stands in audiences, and that are no access tokens.
func TestTokensThatAreNoAccessTokens(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), object{"resource": resource, "audiences": []string{"client-1"}}, nil))
	c := claims(h, object{"aud": "client-1", "scope": nil, "client_id": nil, "azp": "client-1"})
	for _, tt := range []struct {
		name   string
		claims object
		want   string // of error_description; empty: it is an access token
	}{
		{"Keycloak's access token", object{"typ": "Bearer", "sid": "s", "acr": "1"}, ""},
		{"Keycloak's ID token", object{"typ": "ID", "sid": "s", "acr": "1"}, "ID token"},
		{"Keycloak's stored ID token", object{"typ": "Serialized-ID"}, "ID token"},
		{"Keycloak's refresh token", object{"typ": "Refresh"}, "type"},
		{"Keycloak's offline token", object{"typ": "Offline"}, "type"},
		{"Keycloak's logout token", object{"typ": "Logout"}, "type"},
		{"Keycloak's DPoP token", object{"typ": "DPoP"}, "type"},
		{"Keycloak's initial access token", object{"typ": "InitialAccessToken"}, "type"},
		{"Keycloak's registration token", object{"typ": "RegistrationAccessToken"}, "type"},
		{"an action token", object{"typ": "verify-email"}, "type"},
		{"typ in capitals", object{"typ": "REFRESH"}, "type"},
		{"typ that is no string", object{"typ": []string{"Bearer"}}, "type"},
		{"Cognito's access token", object{"token_use": "access"}, ""},
		{"Cognito's ID token", object{"token_use": "id"}, "ID token"},
		{"token_use of a refresh token", object{"token_use": "refresh_token"}, "type"},
		{"token_type of a refresh token", object{"token_type": "refresh"}, "type"},
		{"tokenType of a refresh token", object{"tokenType": "refresh-token"}, "type"},
		{"Descope's session token", object{"drn": "DS"}, ""},
		{"Descope's refresh token", object{"drn": "DSR"}, "type"},
		{"an ID token of FAPI", object{"s_hash": "x"}, "ID token"},
		{"JARM", object{"code": "x", "state": "y", "sub": nil, "azp": nil}, "neither a subject nor a client"},
		{"JARM with an empty subject", object{"code": "x", "sub": "", "azp": ""}, "neither a subject nor a client"},
		{"an introspection response", object{"token_introspection": object{"active": true}}, "type"},
		{"a request object", object{"response_type": "code"}, "type"},
		{"a software statement", object{"redirect_uris": []string{"https://c.example.com"}}, "type"},
		{"an entity statement", object{"jwks": keySet(rsaKey)}, "type"},
		{"a credential", object{"vct": "https://credential.example.com"}, "type"},
		{"a logout token", object{"events": object{"http://schemas.openid.net/event/backchannel-logout": object{}}}, "type"},
		{"a subject alone", object{"azp": nil}, ""},
		{"a client alone", object{"sub": nil}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(rpc("/notes", rsaKey.bearer(with(c, tt.claims))))
			if tt.want == "" {
				wantForwarded(t, s)
				return
			}
			wantInvalid(t, s, tt.want)
		})
	}
	for _, typ := range []string{"oauth-authz-req+jwt", "token-introspection+jwt", "entity-statement+jwt", "vc+sd-jwt", "dc+sd-jwt", "oauth-id-jag+jwt", "client-authentication+jwt", "JOSE"} {
		token := rsaKey.sign(toJSON(with(rsaKey.header(), object{"typ": typ})), toJSON(c))
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "type")
	}
}

// The same where the server is asked: neither the token nor the answer may say
// that it is another one. An answer need not say whose the token is.
func TestAnswersAboutTokensThatAreNoAccessTokens(t *testing.T) {
	for name, tt := range map[string]struct {
		claims object
		want   string
	}{
		"an ID token":       {object{"typ": "ID"}, "ID token"},
		"a refresh token":   {object{"typ": "Refresh"}, "type"},
		"an access token":   {object{"typ": "Bearer"}, ""},
		"typ is null":       {object{"typ": (*int)(nil)}, ""},
		"nobody's":          {object{"sub": nil, "client_id": nil}, ""},
		"of an unknown use": {object{"token_use": "x"}, "bearer access token"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(opaque(object{"jwt": true}), notes(nil), nil))
			jwt := rsaKey.token(claims(h, tt.claims))
			a := newAsked(map[string]object{"opaque": aboutToken(h, tt.claims), jwt: aboutToken(h, nil)})
			s := a.decided(h, vm, "opaque")
			if tt.want == "" {
				wantForwarded(t, s)
				wantForwarded(t, a.decided(h, vm, jwt))
				return
			}
			wantInvalid(t, s, tt.want)
			wantInvalid(t, a.decided(h, vm, jwt), "type|ID token")
		})
	}
}
