package oauthproxy

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// The members of the provider's responses that the proxy passes on: those of RFC 6749,
// sections 5.1 and 5.2, RFC 8693, section 2.2.1, and OpenID Connect Core, section
// 3.1.3.3, and the lifetime of refresh tokens, for which providers have names of their
// own. No client needs more (RFC 6749, section 5.1), and nobody has checked what other
// members hold.
const (
	tokenMembers = " access_token token_type expires_in refresh_token scope id_token issued_token_type" +
		" refresh_expires_in refresh_token_expires_in ext_expires_in "
	errorMembers = " error error_description error_uri "
)

// Problems for the log.
const (
	ownCredentials = "it refuses the client of the gateway: client_id, the secret or auth is not what it expects"
	hasSecret      = "the answer has the client's secret"
)

// readResponse reads the provider's response to a Call. It returns a problem for the
// log, and no response, if the client must not see the provider's: a client would take
// a fault in the gateway's own credentials for its own. It returns both for status 429.
func (p *Proxy) readResponse(c *Call, r *callout.Response) (response *Response, problem string) {
	body := string(r.Body)
	switch {
	case r.Err != nil:
		return nil, r.Err.Error()
	case r.Size > callout.MaxDocument:
		return nil, "the answer is too large"
	case r.ContentEncoding != "" && r.Status != 429 && !(r.Status/100 == 2 && c.revokes):
		return nil, r.EncodingError().Error()
	case p.secret.in(body):
		return nil, hasSecret
	case r.Status == 429:
		return tooManyRequests(r), "status 429: too many requests"
	case r.Status/100 == 2 && c.revokes: // RFC 7009, section 2.2: whatever the body
		return &Response{Status: 200, Outcome: metrics.ProxyExchanged}, ""
	case r.Status/100 != 2 && r.Status/100 != 4, !isObject(r.Body):
		if r.Status == 401 {
			return nil, ownCredentials
		}
		return nil, "status " + strconv.Itoa(r.Status) + ", with no answer of a token endpoint"
	}
	code, ok := errorCode(body)
	switch {
	case r.Status == 401 && code != "invalid_grant": // invalid_grant is the client's fault with any status
		return nil, ownCredentials
	case code != "":
		return readError(r.Status, code, body)
	case !ok || r.Status/100 != 2:
		return nil, "status " + strconv.Itoa(r.Status)
	case gjson.Parse(wellknown.Member(body, "access_token")).Str == "":
		return nil, "status " + strconv.Itoa(r.Status) + ", with no access_token"
	}
	sealed := func(token string) string { return p.sealRefreshToken(token, c) }
	return &Response{Status: 200, Body: members(body, tokenMembers, sealed), Outcome: metrics.ProxyExchanged}, ""
}

// errorCode returns the error member of a response, empty if there is none. ok is
// false if the member is no error code (RFC 6749, section 5.2).
func errorCode(body string) (code string, ok bool) {
	e := gjson.Parse(wellknown.Member(body, "error"))
	return e.Str, e.Type == gjson.String || e.Type == gjson.Null
}

// readError reads an error response, as readResponse does.
func readError(status int, code, body string) (response *Response, problem string) {
	response = &Response{Status: uint32(status), Outcome: metrics.ProxyDenied}
	if status/100 == 2 || status == 401 { // GitHub sends errors with status 200
		response.Status = 400
	}
	switch code {
	case "invalid_client", "unauthorized_client", "incorrect_client_credentials":
		return nil, ownCredentials
	case "bad_verification_code", "bad_refresh_token":
		// GitHub's own names, which no client knows.
		response.Code, response.Description = "invalid_grant", "the code or the refresh token is not valid"
	default:
		response.Body = members(body, errorMembers, nil)
	}
	return response, ""
}

// tooManyRequests returns the response to a client when the provider wants fewer
// requests (RFC 6585, section 4), whatever the provider's body is.
func tooManyRequests(r *callout.Response) *Response {
	response := &Response{Status: 429, Code: "temporarily_unavailable", Description: "the authorization server gets too many requests", Outcome: metrics.ProxyDenied}
	if isObject(r.Body) {
		if code, _ := errorCode(string(r.Body)); code != "" {
			response.Code, response.Body = "", members(string(r.Body), errorMembers, nil)
		}
	}
	if response.RetryAfter = r.Header("retry-after"); !isRetryAfter(response.RetryAfter) {
		response.RetryAfter = strconv.Itoa(RetryAfter)
	}
	return response
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

// members returns an object with those members of body that are known, encoded anew:
// each once, without objects and arrays. seal returns what stands in place of a refresh
// token.
func members(body, known string, seal func(string) string) []byte {
	text, seen := []byte{'{'}, " "
	gjson.Parse(body).ForEach(func(name, value gjson.Result) bool {
		key := " " + name.Str + " "
		if name.Str == "" || strings.Contains(name.Str, " ") || !strings.Contains(known, key) || strings.Contains(seen, key) ||
			value.Type == gjson.Null || value.Type == gjson.JSON {
			return true
		}
		if name.Str == "refresh_token" {
			if value.Type != gjson.String || value.Str == "" {
				return true
			}
			value.Str = seal(value.Str)
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
