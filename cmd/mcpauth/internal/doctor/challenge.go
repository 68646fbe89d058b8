package doctor

import (
	"net/url"
	"regexp"
	"strings"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
)

// A challenge is what the WWW-Authenticate headers of a response say.
type challenge struct {
	schemes []string
	bearer  bool
	dpop    bool              // there is a challenge of DPoP and none of Bearer
	params  map[string]string // of the first Bearer challenge, else of DPoP
	// typescript is the URL of the metadata as the TypeScript SDK reads it.
	typescript string
	headers    int
}

var (
	// A challenge is a scheme and, after spaces, its first parameter or a token68; further
	// parameters follow after commas (RFC 9110, section 11.6.1).
	challengeElement = regexp.MustCompile(`(?:[^",]|"(?:[^"\\]|\\.)*")+`)
	challengeParam   = regexp.MustCompile(`^([!#$%&'*+.^_|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))$`)
	quotedPair       = regexp.MustCompile(`\\(.)`)
	typescriptURL    = regexp.MustCompile(`resource_metadata=(?:"([^"]+)"|([^\s,]+))`)
)

func parseChallenge(headers []string) challenge {
	var c challenge
	for _, h := range headers {
		if !isDPoP(h) || len(headers) == 1 { // a challenge of DPoP may be beside that of Bearer
			c.headers++
		}
	}
	joined := strings.Join(headers, ", ")
	c.dpop = isDPoP(joined) && !strings.Contains(strings.ToLower(joined), "bearer ")
	ours := false // the elements belong to the challenge that is read
	for _, element := range challengeElement.FindAllString(joined, -1) {
		element = strings.TrimSpace(element)
		param := challengeParam.FindStringSubmatch(element)
		if param == nil && element != "" {
			scheme, rest, _ := strings.Cut(element, " ")
			c.schemes = append(c.schemes, scheme)
			ours = c.params == nil && (strings.EqualFold(scheme, "bearer") || c.dpop)
			if ours {
				c.bearer, c.params = !c.dpop, map[string]string{}
			}
			param = challengeParam.FindStringSubmatch(strings.TrimSpace(rest))
		}
		if param == nil || !ours {
			continue
		}
		name := strings.ToLower(param[1])
		if _, twice := c.params[name]; !twice {
			c.params[name] = param[3] + quotedPair.ReplaceAllString(param[2], "$1")
		}
	}
	// The SDK for TypeScript looks at the first scheme only, and for the URL by an expression.
	first, rest, _ := strings.Cut(joined, " ")
	if strings.EqualFold(first, "bearer") && rest != "" {
		if m := typescriptURL.FindStringSubmatch(joined); m != nil {
			c.typescript = m[1] + m[2]
		}
	}
	return c
}

func isDPoP(challenge string) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
	return strings.EqualFold(scheme, "dpop")
}

// metadataURL returns the URL of the metadata that the challenge names, "" if none.
func (c *challenge) metadataURL() string { return c.params["resource_metadata"] }

// scopes returns the scopes that the challenge names.
func (c *challenge) scopes() []string { return strings.Fields(c.params["scope"]) }

var challengeChecks = []check{
	{"challenge", checkChallenge},
	{"challenge-url", checkChallengeURL},
}

func checkChallenge(o *Observation) []report.Result {
	c := &o.challenge
	switch {
	case c.metadataURL() == "":
		return one(report.Failure, "the challenge names no resource_metadata: clients must guess where the metadata is",
			"mcpauth names it always: another filter, or the MCP server itself, answers; put the plugin before it", "")
	case c.dpop:
		return one(report.Warning, "the challenge is for clients with DPoP only: most MCP clients have none, and cannot sign in",
			"set dpop to accept, unless all clients have DPoP", "RESOURCE.dpop")
	case c.typescript == "":
		return one(report.Failure, "Bearer is not the first scheme of the challenge: the TypeScript SDK, and all that is built on it, does not see resource_metadata",
			"let no other filter add a challenge before the plugin's", "")
	case c.typescript != c.metadataURL():
		return one(report.Warning, "clients read different resource_metadata from the challenge", "let no other filter add a challenge", "")
	case c.headers > 1:
		return one(report.Warning, "there are several WWW-Authenticate headers", "let no other filter add a challenge", "")
	case c.params["error"] != "":
		return one(report.Warning, "the challenge to a request without a token has an error: some clients then give up", "let nothing between client and gateway add an Authorization header", "")
	}
	scopes := "no scope"
	if list := c.scopes(); len(list) > 0 {
		scopes = "the scopes " + strings.Join(list, " ")
	}
	return pass("every SDK can read it; it asks for %s", scopes)
}

func checkChallengeURL(o *Observation) []report.Result {
	u, err := url.Parse(o.challenge.metadataURL())
	if o.challenge.metadataURL() == "" {
		return nil
	}
	if err != nil || u.Host == "" {
		return one(report.Failure, "resource_metadata is not an absolute URL", "mcpauth sends one always: another filter answers", "")
	}
	if difference := hostDifference(o.target, u); difference.message != "" {
		return one(report.Failure, "resource_metadata is on another origin than the URL: "+difference.message, difference.fix, "RESOURCE.resource")
	}
	return nil
}

// A difference is why two URLs do not have one origin.
type difference struct{ message, fix string }

// hostDifference compares the origins of the URL that the user gives with one that the
// gateway names.
func hostDifference(given, named *url.URL) difference {
	message := probe.WithoutQuery(named.Scheme+"://"+named.Host) + ", not " + given.Scheme + "://" + given.Host
	switch {
	case strings.EqualFold(given.Host, named.Host) && given.Scheme == "https" && named.Scheme == "http":
		return difference{message + ": a gateway behind TLS that names itself http", "write https:// in resource: the plugin does not see the TLS before it"}
	case strings.EqualFold(given.Host, named.Host) && given.Scheme != named.Scheme:
		return difference{message, "give users the URL with " + named.Scheme + "://"}
	case portOf(given) == portOf(named) && isLoopback(given.Hostname()) && isLoopback(named.Hostname()) && given.Hostname() != named.Hostname():
		return difference{message + ": localhost and 127.0.0.1 are different hosts to clients", "use the same of the two in resource and in the URL that users give"}
	case strings.EqualFold(given.Hostname(), named.Hostname()) && portOf(given) != portOf(named):
		return difference{message + ": the ports differ", "write the port in resource as clients reach it from outside"}
	case !strings.EqualFold(given.Host, named.Host):
		return difference{message + ": the hosts differ", "write the gateway's host in resource as clients reach it, or give users the other URL"}
	}
	return difference{}
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
