package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"mcpauth/cmd/mcpauth/internal/judge"
	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
)

// versions of MCP, newest first.
var versions = []string{"2025-11-25", "2025-06-18", "2025-03-26"}

// initialize is the first message of an MCP client.
func initialize(version string) []byte {
	return []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + version +
		`","capabilities":{},"clientInfo":{"name":"mcpauth doctor","version":"1"}}}`)
}

// post sends an initialize request, with a token if it is not empty.
func (o *Observation) post(ctx context.Context, token, version string) *probe.Exchange {
	header := []string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream"}
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	return o.client.Do(ctx, http.MethodPost, o.URL, initialize(version), header...)
}

func observeBare(ctx context.Context, o *Observation) {
	o.bare = o.post(ctx, "", versions[0])
	if o.bare.Err == nil {
		o.challenge = parseChallenge(o.bare.Header.Values("WWW-Authenticate"))
	}
}

// findResource finds the resource of the configuration that the URL belongs to.
func (o *Observation) findResource() { o.resource, o.resourceIndex = judge.Resource(o.config, o.URL) }

var reachChecks = []check{
	{"config-resource", checkConfigResource},
	{"url", checkURL},
	{"reach", checkReach},
	{"tls", checkTLS},
	{"plugin", checkPlugin},
}

func checkConfigResource(o *Observation) []report.Result {
	switch {
	case o.config == nil:
		return nil
	case o.resource == nil:
		return one(report.Failure, "no resource of the configuration has the path of this URL",
			"correct resource or match, or the URL", "resources")
	}
	return pass("the configuration protects it as %s", o.resource.Resource.Raw)
}

func checkURL(o *Observation) []report.Result {
	if o.target.Scheme == "http" && !isLoopback(o.target.Hostname()) {
		return one(report.Warning, "http:// sends tokens in the clear, and clients refuse it on hosts that are not loopback",
			"serve the gateway by TLS, and give users an https:// URL", "RESOURCE.resource")
	}
	if o.target.RawQuery != "" {
		return one(report.Warning, "the URL has a query, which no resource has", "give users the URL without it", "RESOURCE.resource")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func checkReach(o *Observation) []report.Result {
	x := o.bare
	if x.Err == nil {
		return pass("the gateway answers, with status %d", x.Status)
	}
	if x.IsTLSFault() {
		return nil // see checkTLS
	}
	o.ended = "the gateway does not answer"
	fault := x.Fault()
	r := report.Result{Status: report.Failure, Message: "the gateway does not answer: " + fault}
	switch {
	case strings.HasPrefix(fault, "there is no host"), strings.Contains(fault, "cannot be looked up"):
		r.Fix = "correct the host of the URL, or its DNS record"
	case strings.Contains(fault, "refused"):
		r.Fix = "is Envoy running, and on this port? It does not start if the plugin refuses its configuration: search its log for `mcpauth:`, and run `mcpauth config`"
		r.Setting = "$"
	case strings.Contains(fault, "plain HTTP"):
		r.Fix = "use http://, or give the listener TLS"
	case strings.Contains(fault, "does not speak HTTP"):
		r.Fix = "use https://"
	case fault == "no answer in time":
		r.Fix = "is a firewall in the way? If only requests with a body hang, allow_on_headers_stop_iteration is set in the plugin's configuration, but not in Envoy's"
		r.Setting = "allow_on_headers_stop_iteration"
	}
	return []report.Result{r}
}

// soon is how long before its end a certificate deserves a warning.
const soon = 14 * 24 * time.Hour

func checkTLS(o *Observation) []report.Result {
	x := o.bare
	if x.IsTLSFault() {
		o.ended = "the certificate is not accepted"
		return one(report.Failure, x.Fault(), "serve the whole chain of a certificate for this name; for an authority of your own, pass --ca", "")
	}
	if x.TLS == nil || len(x.TLS.PeerCertificates) == 0 {
		return nil
	}
	end := x.TLS.PeerCertificates[0].NotAfter
	if time.Until(end) < soon {
		return one(report.Warning, "the certificate expires on "+end.UTC().Format(time.DateOnly), "renew it", "")
	}
	return pass("the certificate is valid until %s", end.UTC().Format(time.DateOnly))
}

// An answer is an error of the plugin: see package reply of the plugin.
type answer struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// answerOf returns the plugin's error in a response, and whether the response has one.
func answerOf(x *probe.Exchange) (a answer, ok bool) {
	if x.Err != nil || x.Status < 400 || x.MediaType() != "application/json" {
		return a, false
	}
	return a, json.Unmarshal(x.Body, &a) == nil && a.Error != "" && a.Description != ""
}

// isRBAC reports whether Envoy's RBAC filter has answered.
func isRBAC(x *probe.Exchange) bool {
	return x.Status == http.StatusForbidden && bytes.HasPrefix(x.Body, []byte("RBAC: access denied"))
}

// checkPlugin tells by the answer to a request without a token whether the plugin runs.
func checkPlugin(o *Observation) []report.Result {
	x := o.bare
	if x.Err != nil {
		return nil
	}
	a, ours := answerOf(x)
	fail := func(message, fix, setting string) []report.Result {
		o.ended = "the plugin does not protect this URL"
		return one(report.Failure, message, fix, setting)
	}
	switch {
	case x.Redirect() == x.URL:
		return fail("the gateway redirects to the same URL, without end", "remove the redirect from Envoy's route or the proxy before it", "")
	case x.Redirect() != "":
		return fail(fmt.Sprintf("the gateway redirects (%d) to %s", x.Status, probe.WithoutQuery(x.Redirect())),
			"give users the URL that is redirected to, if it is the resource; clients lose the token or the method on the way", "RESOURCE.resource")
	case x.Status == http.StatusUnauthorized:
		return o.checkUnauthorized(x)
	case x.IsHTML():
		return fail(fmt.Sprintf("a web page answers, with status %d", x.Status), "is this the URL of the gateway? A sign-in page or another proxy may stand before it", "")
	case isRBAC(x):
		return fail("the guard refuses the request: the plugin does not run on this route",
			"search Envoy's log for `mcpauth:`; Istio: the namespace, the labels and match; Envoy Gateway: targetRefs and the policy's status", "")
	case x.Status == http.StatusServiceUnavailable && x.Header.Get("Retry-After") == "":
		return fail("503 without Retry-After: the plugin did not start or has crashed, or Envoy has no MCP server behind this route",
			"search Envoy's log for `mcpauth:` and `panic`", "$")
	case x.Status == http.StatusServiceUnavailable && ours:
		return fail("the plugin answers 503 without a token: "+a.Description, "search Envoy's log for `mcpauth:`", "")
	case x.Status == http.StatusInternalServerError && len(x.Body) == 0:
		return fail("500 with an empty body: on Istio, the plugin refuses its configuration or could not be fetched", "search the gateway's log for `mcpauth:`, and run `mcpauth config`", "$")
	case x.Status == http.StatusNotFound && ours:
		return fail("the plugin runs, but no resource has the path of this URL",
			"correct the path in resource or match, or the URL; a proxy before the gateway may strip or add a prefix", "RESOURCE.resource")
	case x.Status == http.StatusNotFound:
		return fail("404, not from the plugin: neither the plugin nor a route has this path", "correct the URL, or add the route", "")
	case x.Status == http.StatusBadRequest && ours:
		return fail("the plugin refuses the URL: "+a.Description, "write the host and the path in their plain form", "RESOURCE.resource")
	case x.Status == http.StatusForbidden && ours:
		return fail("the plugin answers 403 without a token: "+a.Description, "see docs/troubleshooting.md", "")
	case x.Status >= 200 && x.Status < 300, x.Status == http.StatusBadRequest, x.Status == http.StatusMethodNotAllowed, x.Status == http.StatusNotAcceptable:
		return fail(fmt.Sprintf("the request passes without a token (status %d): the plugin does not run on this route", x.Status),
			"attach the plugin to this route, before the router, and add the guard; look for \"unmatched\": \"allow\"", "unmatched")
	}
	return fail(fmt.Sprintf("status %d, where a client without a token needs 401", x.Status), "see docs/troubleshooting.md", "")
}

// checkUnauthorized judges a 401.
func (o *Observation) checkUnauthorized(x *probe.Exchange) []report.Result {
	if o.challenge.bearer {
		return pass("a request without a token gets 401")
	}
	o.ended = "another filter answers in place of the plugin"
	if len(o.challenge.schemes) == 0 {
		return one(report.Failure, "401 without a WWW-Authenticate header: no client can sign in",
			"does something between client and gateway remove the header, or does the MCP server itself answer?", "")
	}
	return one(report.Failure, "401 with a challenge for "+strings.Join(o.challenge.schemes, ", ")+", not Bearer: another filter or server answers",
		"put the plugin before it", "")
}
