package oauthproxy

import "mcpauth/internal/callout"

// A parameter is a parameter of OAuth by its name, and where its value stands. It has
// a list in place of a value if it may be sent several times, as only resource may
// (RFC 8707, section 2).
type parameter struct {
	name  string
	value *string
	list  *[]string
}

// maxResources bounds the resource parameters of one request.
const maxResources = 8

// An authorizationRequest has those parameters of an authorization request (RFC 6749,
// section 4.1.1; RFC 7636, section 4.3; RFC 8707, section 2; OpenID Connect Core,
// section 3.1.2.1) that may reach the provider. No other does: response_mode, request
// and request_uri could change what the proxy has checked.
type authorizationRequest struct {
	ResponseType, ClientID, RedirectURI, State string
	CodeChallenge, CodeChallengeMethod         string
	Scope                                      string
	Resources                                  []string
	Prompt, LoginHint                          string
}

func (r *authorizationRequest) parameters() []parameter {
	return []parameter{
		{name: "response_type", value: &r.ResponseType},
		{name: "client_id", value: &r.ClientID},
		{name: "redirect_uri", value: &r.RedirectURI},
		{name: "state", value: &r.State},
		{name: "code_challenge", value: &r.CodeChallenge},
		{name: "code_challenge_method", value: &r.CodeChallengeMethod},
		{name: "scope", value: &r.Scope},
		{name: "resource", list: &r.Resources},
		{name: "prompt", value: &r.Prompt},
		{name: "login_hint", value: &r.LoginHint},
	}
}

// An authorizationResponse has the parameters of an authorization response (RFC 6749,
// sections 4.1.2 and 4.1.2.1; RFC 9207, section 2).
type authorizationResponse struct {
	Code                              string
	Error, ErrorDescription, ErrorURI string
	State, Issuer                     string
}

func (r *authorizationResponse) parameters() []parameter {
	return []parameter{
		{name: "code", value: &r.Code},
		{name: "error", value: &r.Error},
		{name: "error_description", value: &r.ErrorDescription},
		{name: "error_uri", value: &r.ErrorURI},
		{name: "state", value: &r.State},
		{name: "iss", value: &r.Issuer},
	}
}

// A tokenRequest has the parameters of a token request (RFC 6749, sections 4.1.3 and
// 6; RFC 7636, section 4.5; RFC 8707, section 2.2).
type tokenRequest struct {
	ClientID, GrantType             string
	Code, RedirectURI, CodeVerifier string // of the grant type authorization_code
	RefreshToken, Scope             string // of the grant type refresh_token
	Resources                       []string
}

func (r *tokenRequest) parameters() []parameter {
	return []parameter{
		{name: "client_id", value: &r.ClientID},
		{name: "grant_type", value: &r.GrantType},
		{name: "code", value: &r.Code},
		{name: "redirect_uri", value: &r.RedirectURI},
		{name: "code_verifier", value: &r.CodeVerifier},
		{name: "refresh_token", value: &r.RefreshToken},
		{name: "scope", value: &r.Scope},
		{name: "resource", list: &r.Resources},
	}
}

// A revocationRequest has the parameters of a revocation request (RFC 7009, section
// 2.1).
type revocationRequest struct {
	ClientID, Token, TokenTypeHint string
}

func (r *revocationRequest) parameters() []parameter {
	return []parameter{
		{name: "client_id", value: &r.ClientID},
		{name: "token", value: &r.Token},
		{name: "token_type_hint", value: &r.TokenTypeHint},
	}
}

// parse reads a query or a form into parameters, whose names are distinct. It ignores
// others. A parameter without a value counts as absent (RFC 6749, section 3.1). parse
// reports false if a percent-encoding is broken, a parameter other than resource is
// repeated, or there are too many resources.
func parse(text string, parameters []parameter) bool {
	var seen uint // bit i is set for parameters[i]
	return callout.ParseForm(text, func(name, value string) bool {
		for i, p := range parameters {
			switch {
			case p.name != name:
				continue
			case p.list != nil:
				if len(*p.list) == maxResources {
					return false
				}
				if value != "" {
					*p.list = append(*p.list, value)
				}
			case seen>>i&1 != 0:
				return false
			default:
				seen |= 1 << i
				*p.value = value
			}
			return true
		}
		return true
	})
}

// encode returns parameters as a form, in their order.
func encode(parameters []parameter) (f callout.Form) {
	for _, p := range parameters {
		p.addTo(&f)
	}
	return f
}

// addTo appends the parameter, with each of its values, to a form.
func (p *parameter) addTo(f *callout.Form) {
	if p.list == nil {
		f.Add(p.name, *p.value)
		return
	}
	for _, value := range *p.list {
		f.Add(p.name, value)
	}
}

// hasCodeSyntax reports whether s is low to high unreserved characters, as verifiers
// and challenges of PKCE are (RFC 7636, sections 4.1 and 4.2).
func hasCodeSyntax(s string, low, high int) bool {
	for i := 0; i < len(s); i++ {
		if !callout.IsUnreserved(s[i]) {
			return false
		}
	}
	return low <= len(s) && len(s) <= high
}
