package oauthproxy

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// What is passed on of an answer: the members of RFC 6749, sections 5.1 and 5.2,
// RFC 8693, section 2.2.1, and OpenID Connect Core, section 3.1.3.3, and how long
// refresh tokens live, for which providers have names of their own. No client
// needs more (RFC 6749, section 5.1), and what is in other members nobody has
// looked at.
const (
	tokenMembers = " access_token token_type expires_in refresh_token scope id_token issued_token_type" +
		" refresh_expires_in refresh_token_expires_in ext_expires_in "
	errorMembers = " error error_description error_uri "
)

const (
	ownCredentials = "it refuses the client of the gateway: client_id, the secret or auth is not what it expects"
	hasSecret      = "the answer has the client's secret"
)

// answered reads what the provider says. If that is nothing for the client, it
// returns for the log what is wrong: the client would take a fault of the
// gateway's own credentials for one of its own. With status 429 it returns both.
func (p *Proxy) answered(c *Call, r introspect.Response) (a *Answer, wrong string) {
	body := string(r.Body)
	switch {
	case r.Err != nil:
		return nil, r.Err.Error()
	case r.Size > keys.MaxDocument:
		return nil, "the answer is too large"
	case r.Encoding != "" && r.Status != 429 && !(r.Status/100 == 2 && c.revokes):
		return nil, r.Compressed().Error()
	case p.secret.In(body):
		return nil, hasSecret
	case r.Status == 429:
		return limited(r), "status 429: too many requests"
	case r.Status/100 == 2 && c.revokes: // RFC 7009, section 2.2: whatever the body
		return &Answer{Status: 200, Outcome: metrics.ProxyExchanged}, ""
	case r.Status/100 != 2 && r.Status/100 != 4, !isObject(r.Body):
		if r.Status == 401 {
			return nil, ownCredentials
		}
		return nil, "status " + strconv.Itoa(r.Status) + ", with no answer of a token endpoint"
	}
	code, ok := errorCode(body)
	switch {
	case r.Status == 401 && code != "invalid_grant": // that one is the client's fault with any status
		return nil, ownCredentials
	case code != "":
		return denied(r.Status, code, body)
	case !ok || r.Status/100 != 2:
		return nil, "status " + strconv.Itoa(r.Status)
	case gjson.Parse(wellknown.Member(body, "access_token")).Str == "":
		return nil, "status " + strconv.Itoa(r.Status) + ", with no access_token"
	}
	return &Answer{Status: 200, Body: members(body, tokenMembers), Outcome: metrics.ProxyExchanged}, ""
}

// errorCode returns the error in an answer, empty if there is none; ok is false if
// it is there and no code (RFC 6749, section 5.2).
func errorCode(body string) (code string, ok bool) {
	e := gjson.Parse(wellknown.Member(body, "error"))
	return e.Str, e.Type == gjson.String || e.Type == gjson.Null
}

// denied reads an error.
func denied(status int, code, body string) (a *Answer, wrong string) {
	a = &Answer{Status: uint32(status), Outcome: metrics.ProxyDenied}
	if status/100 == 2 || status == 401 { // the former as GitHub has it
		a.Status = 400
	}
	switch code {
	case "invalid_client", "unauthorized_client", "incorrect_client_credentials":
		return nil, ownCredentials
	case "bad_verification_code", "bad_refresh_token":
		// GitHub's names, which no client knows.
		a.Code, a.Description = "invalid_grant", "the code or the refresh token is not valid"
	default:
		a.Body = members(body, errorMembers)
	}
	return a, ""
}

// limited is the answer to a client where the provider wants fewer requests (RFC
// 6585, section 4): in whatever form it says so.
func limited(r introspect.Response) *Answer {
	a := &Answer{Status: 429, Code: "temporarily_unavailable", Description: "the authorization server gets too many requests", Outcome: metrics.ProxyDenied}
	if isObject(r.Body) {
		if code, _ := errorCode(string(r.Body)); code != "" {
			a.Code, a.Body = "", members(string(r.Body), errorMembers)
		}
	}
	if a.RetryAfter = r.Header("retry-after"); !isRetryAfter(a.RetryAfter) {
		a.RetryAfter = strconv.Itoa(RetryAfter)
	}
	return a
}

// isRetryAfter reports whether s has the characters of delay-seconds or of a date
// (RFC 9110, section 10.2.3).
func isRetryAfter(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == ' ' || c == ',' || c == ':') {
			return false
		}
	}
	return s != "" && len(s) <= len("Sunday, 06-Nov-94 08:49:37 GMT")
}

func isObject(body []byte) bool { return wellknown.Valid(body) && gjson.ParseBytes(body).IsObject() }

// members returns an object with those members of body that are known, written
// anew: each once, and none that is an object or an array.
func members(body, known string) []byte {
	text, seen := []byte{'{'}, " "
	gjson.Parse(body).ForEach(func(name, value gjson.Result) bool {
		key := " " + name.Str + " "
		if name.Str == "" || strings.Contains(name.Str, " ") || !strings.Contains(known, key) || strings.Contains(seen, key) ||
			value.Type == gjson.Null || value.Type == gjson.JSON {
			return true
		}
		seen += name.Str + " "
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(gjson.AppendJSONString(text, name.Str), ':')
		if value.Type == gjson.String {
			text = gjson.AppendJSONString(text, value.Str)
		} else {
			text = append(text, value.Raw...)
		}
		return true
	})
	return append(text, '}')
}
