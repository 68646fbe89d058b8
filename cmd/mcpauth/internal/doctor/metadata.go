package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/internal/wellknown"
)

// resourceMetadata is the metadata of the resource (RFC 9728, section 2).
type resourceMetadata struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
	Scopes   []string `json:"scopes_supported"`
	TLSBound bool     `json:"tls_client_certificate_bound_access_tokens"`
	DPoP     []string `json:"dpop_signing_alg_values_supported"`
	DPoPOnly bool     `json:"dpop_bound_access_tokens_required"`
}

// A place is a URL at which clients look for the resource's metadata.
type place struct {
	name     string
	url      string
	exchange *probe.Exchange
	err      error // why there is no metadata
}

const prmPath = "/.well-known/oauth-protected-resource"

func observeMetadata(ctx context.Context, o *Observation) {
	origin := o.target.Scheme + "://" + o.target.Host
	path := strings.TrimSuffix(o.target.EscapedPath(), "/")
	candidates := []*place{
		{name: "the URL of the challenge", url: o.challenge.metadataURL()},
		{name: "the path of the resource", url: origin + prmPath + path},
		{name: "the root", url: origin + prmPath},
	}
	for _, p := range candidates {
		if p.url == "" || slices.ContainsFunc(o.places, func(q *place) bool { return q.url == p.url }) {
			continue
		}
		p.exchange = o.client.Do(ctx, http.MethodGet, p.url, nil, "Accept", "application/json", "MCP-Protocol-Version", versions[0])
		o.places = append(o.places, p)
		var m resourceMetadata
		if p.err = p.exchange.Object(&m); p.err == nil && o.metadata == nil {
			o.metadata = &m
		}
	}
	if o.metadata != nil {
		for i, issuer := range o.metadata.Servers {
			if i < maxServers {
				o.servers = append(o.servers, &server{issuer: issuer})
			}
		}
	}
}

// maxServers bounds how many authorization servers are looked at.
const maxServers = 8

var metadataChecks = []check{
	{"metadata", checkMetadata},
	{"metadata-places", checkPlaces},
	{"resource", checkResource},
	{"config-live", checkConfigLive},
	{"authorization-servers", checkAuthorizationServers},
	{"scopes", checkScopes},
}

func checkMetadata(o *Observation) []report.Result {
	first := o.places[0]
	if err := first.err; err != nil {
		if o.metadata == nil {
			o.ended = "there is no metadata"
		}
		return one(report.Failure, fmt.Sprintf("no metadata at %s, %s: %s", first.name, probe.WithoutQuery(first.url), err),
			"clients must reach this URL; Envoy Gateway needs a route for /.well-known/…, and nothing before the gateway may answer it", "RESOURCE.resource")
	}
	if o.metadata == nil || o.metadata.Resource == "" {
		o.ended = "the metadata cannot be read"
		return one(report.Failure, "the metadata has no resource", "another server answers at this URL in place of the plugin", "")
	}
	return pass("at %s", probe.WithoutQuery(first.url))
}

// checkPlaces says which of the other places have the metadata: for clients that do not
// read the challenge.
func checkPlaces(o *Observation) []report.Result {
	var results []report.Result
	for _, p := range o.places[1:] {
		err := p.err
		switch {
		case err == nil:
		case p.name == "the root":
			results = append(results, report.Result{Status: report.Note, Message: "none at the root, " + p.url + ": " + err.Error() + "; that is as it should be where a host has several resources"})
		default:
			results = append(results, report.Result{Status: report.Warning, Message: "none at " + p.name + ", " + p.url + ": " + err.Error() + "; clients that do not read the challenge look there",
				Fix: "let users give the URL of resource itself", Setting: "RESOURCE.resource"})
		}
	}
	return results
}

// A comparison is how a client compares the URL that its user gives with resource.
type comparison struct {
	client  string
	accepts func(given, named *url.URL, rawGiven, rawNamed string) bool
}

var comparisons = []comparison{
	{"the TypeScript SDK", func(g, n *url.URL, _, _ string) bool { return sameOrigin(g, n) && hasPrefix(g.Path, n.Path) }},
	{"the Python SDK", func(g, n *url.URL, _, _ string) bool { return sameOrigin(g, n) && hasPrefix(g.Path, n.Path) }},
	{"VS Code", func(g, n *url.URL, _, _ string) bool {
		return sameOrigin(g, n) && rootPath(g.Path) == rootPath(n.Path)
	}},
	{"the Go SDK", func(_, _ *url.URL, g, n string) bool { return g == n }},
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func rootPath(p string) string {
	if p == "" {
		return "/"
	}
	return p
}

func hasPrefix(path, prefix string) bool {
	slash := func(p string) string { return strings.TrimSuffix(p, "/") + "/" }
	return strings.HasPrefix(slash(path), slash(prefix))
}

func checkResource(o *Observation) []report.Result {
	if o.metadata == nil || o.metadata.Resource == "" {
		return nil
	}
	named, err := url.Parse(o.metadata.Resource)
	if err != nil {
		return one(report.Failure, "resource is not a URL", "another server answers at the metadata's URL", "")
	}
	var refusing []string
	for _, c := range comparisons {
		if !c.accepts(o.target, named, o.URL, o.metadata.Resource) {
			refusing = append(refusing, c.client)
		}
	}
	if len(refusing) == 0 {
		return pass("resource is the URL itself, for every client")
	}
	message := fmt.Sprintf("resource is %s, not the URL; refused by %s", o.metadata.Resource, strings.Join(refusing, ", "))
	fix := "give users exactly " + o.metadata.Resource + ", or write the URL in resource"
	if d := hostDifference(o.target, named); d.message != "" {
		message, fix = message+": "+d.message, d.fix
	} else if strings.TrimSuffix(o.target.Path, "/") == strings.TrimSuffix(named.Path, "/") {
		message += ": they differ in a slash at the end"
	} else if strings.HasSuffix(o.target.Path, named.Path) {
		message += ": a prefix of the path is missing"
		fix = "a proxy before the gateway strips the prefix: write the whole path in resource, and the stripped one in match.path_prefixes"
	}
	status := report.Failure
	if len(refusing) == 1 && refusing[0] == "the Go SDK" {
		status = report.Warning
	}
	return one(status, message, fix, "RESOURCE.resource")
}

// checkConfigLive compares the metadata with the configuration that was given.
func checkConfigLive(o *Observation) []report.Result {
	if o.resource == nil || o.metadata == nil {
		return nil
	}
	var want, got any
	body := bytes.TrimPrefix(o.places[0].exchange.Body, []byte("\xef\xbb\xbf"))
	if json.Unmarshal(wellknown.Document(o.resource), &want) != nil || json.Unmarshal(body, &got) != nil {
		return nil
	}
	if fmt.Sprint(want) != fmt.Sprint(got) {
		return one(report.Failure, "the gateway publishes other metadata than the configuration says: it runs another configuration",
			"apply the configuration; if it was applied, search Envoy's log for `mcpauth:`: Envoy keeps the old one if the plugin refuses the new one", "RESOURCE.resource")
	}
	return pass("the gateway publishes what the configuration says")
}

func checkAuthorizationServers(o *Observation) []report.Result {
	if o.metadata == nil || o.metadata.Resource == "" {
		return nil
	}
	if len(o.metadata.Servers) == 0 {
		o.ended = "the metadata names no authorization server"
		return one(report.Failure, o.ended+": clients do not know where to sign in", "another server answers at the metadata's URL", "RESOURCE.authorization_servers")
	}
	for _, issuer := range o.metadata.Servers {
		if u, err := url.Parse(issuer); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return one(report.Failure, "the authorization server "+issuer+" is not an https URL: clients refuse it", "use https://", "SERVER.issuer")
		}
	}
	if n := len(o.metadata.Servers); n > 1 {
		return one(report.Note, fmt.Sprintf("there are %d authorization servers: most clients take the first, %s", n, o.metadata.Servers[0]), "", "")
	}
	return pass("%s", o.metadata.Servers[0])
}

func checkScopes(o *Observation) []report.Result {
	if o.metadata == nil || len(o.metadata.Scopes) == 0 {
		return nil
	}
	var missing []string
	for _, s := range o.challenge.scopes() {
		if !slices.Contains(o.metadata.Scopes, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		return one(report.Note, "the challenge asks for "+strings.Join(missing, " ")+", which scopes_supported does not list",
			"", "RESOURCE.scopes_supported")
	}
	return nil
}
