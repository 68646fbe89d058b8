package oracle

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// An Answer is what the authorization server answers if it is asked about the token.
type Answer struct {
	Status      int
	ContentType string
	Body        string
}

var (
	errUnavailable = errors.New("the server does not answer")
	b64token       = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]+$`)
	jwtLike        = regexp.MustCompile(`^e[yw3].*\..*\.`)
	lenientJSON    = regexp.MustCompile(`^(?i)application/json[ \t]*(;.*)?$`)
)

// ask returns who calls by what the server says about an opaque token: docs/operations.md,
// "Opaque tokens"; docs/security.md, after "The checks". errUnavailable stands for 503.
func (r *resource) ask(v *server, token string, a *Answer) (*caller, error) {
	if !b64token.MatchString(token) {
		return nil, errors.New("no bearer token")
	}
	userinfo := v.Userinfo != nil
	body := strings.TrimPrefix(a.Body, "\ufeff")
	switch {
	case userinfo && (a.Status == 400 || a.Status == 401 || a.Status == 403):
		return nil, errors.New("refused by the server")
	case a.Status != 200 || !lenientJSON.MatchString(a.ContentType):
		return nil, errUnavailable
	case checkJSON([]byte(body)) != nil || depth([]byte(body)) > 32:
		return nil, errUnavailable
	}
	if _, ok := members([]byte(body)); !ok {
		return nil, errUnavailable
	}
	document, err := strictObject([]byte(body))
	if err != nil {
		return nil, err
	}
	var c *claims
	if userinfo {
		c, err = mapUserinfo(document)
	} else {
		c, err = readClaims([]byte(body))
	}
	if err != nil {
		return nil, err
	}
	active, there := c.all["active"]
	switch {
	case !there && !userinfo:
		return nil, errUnavailable
	case there && string(active) == "false":
		return nil, errors.New("not active")
	case there && string(active) != "true":
		return nil, errUnavailable
	}
	if t, there := c.all["token_type"]; there {
		if s, ok := text(t); !ok || !strings.EqualFold(s, "Bearer") {
			return nil, errors.New("token_type")
		}
	}
	if t, there := c.all["token_use"]; there {
		if s, ok := text(t); !ok || s != "access" && s != "access_token" {
			return nil, errors.New("token_use")
		}
	}
	if _, there := c.all["iss"]; there && c.issuer != v.Issuer {
		return nil, errors.New("iss")
	}
	return &caller{c, v.Issuer, "", c.scopes}, r.checkClaims(c, v, true)
}

// mapUserinfo maps the answer of a userinfo endpoint, by the configuration of the cases:
// the subject is in id, the scopes are in scope, the audience is in for.
func mapUserinfo(document map[string]json.RawMessage) (*claims, error) {
	mapped := map[string]json.RawMessage{}
	for name, raw := range document {
		switch {
		case isNull(raw): // as if absent
		case contains([]string{"id", "sub", "scope", "scp", "scopes", "for", "client_id", "azp", "cid", "jti"}, name):
		default: // what restricts the token, or says of which kind it is
			mapped[name] = raw
		}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if s, ok := text(mapped[name]); ok {
			if !json.Valid([]byte(s)) || s == "" || strings.IndexByte("-0123456789", s[0]) < 0 {
				return nil, errClaimType
			}
			mapped[name] = json.RawMessage(s)
		}
	}
	subject, ok := text(document["id"])
	if raw := document["id"]; !ok && raw != nil && strings.IndexByte("-0123456789", raw[0]) >= 0 {
		subject, ok = string(raw), true
	}
	if !ok || subject == "" {
		return nil, errors.New("no user")
	}
	mapped["sub"], _ = json.Marshal(subject)
	if raw, ok := document["scope"]; ok && !isNull(raw) {
		if s, isText := text(raw); isText {
			raw, _ = json.Marshal(strings.ReplaceAll(s, ",", " "))
		}
		if raw[0] == '[' || raw[0] == '"' {
			mapped["scope"] = raw
		}
	}
	if err := mapAudience(mapped, document["for"]); err != nil {
		return nil, err
	}
	body, _ := json.Marshal(mapped)
	c, err := readClaims(body)
	if err == nil && strings.Contains(subject, "\ufffd") {
		c.strict = true // it may stand for what was no text
	}
	return c, err
}

// mapAudience heeds aud and the member that claims maps: if they differ, nobody is meant.
func mapAudience(mapped map[string]json.RawMessage, raw json.RawMessage) error {
	if raw == nil || isNull(raw) {
		return nil
	}
	if aud, ok := mapped["aud"]; ok && string(aud) != string(raw) {
		return errors.New("two audiences")
	}
	mapped["aud"] = raw
	return nil
}
