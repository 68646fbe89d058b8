package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
)

// pageOrigin is the origin of the web page that asks.
const pageOrigin = "https://inspector.example.com"

// A preflight is what a browser asks before a page may send a request.
type preflight struct {
	what, subject string
	ours          bool // answered by the gateway
	url           string
	method        string
	headers       []string // lower case
	exchange      *probe.Exchange
}

func observePreflights(ctx context.Context, o *Observation) {
	list := []preflight{{
		what: "the resource", ours: true, url: o.URL, method: http.MethodPost,
		headers: []string{"authorization", "content-type", "mcp-protocol-version"},
	}}
	if len(o.places) > 0 {
		list = append(list, preflight{what: "the metadata", ours: true, url: o.places[0].url, method: http.MethodGet, headers: []string{"mcp-protocol-version"}})
	}
	for _, s := range o.servers {
		if s.metadata == nil {
			continue
		}
		for _, p := range s.places {
			if p.err == nil {
				list = append(list, preflight{what: "the metadata", subject: s.issuer, url: p.url, method: http.MethodGet, headers: []string{"mcp-protocol-version"}})
				break
			}
		}
		if s.metadata.TokenEndpoint != "" {
			list = append(list, preflight{what: "the token endpoint", subject: s.issuer, url: s.metadata.TokenEndpoint, method: http.MethodPost})
		}
		if s.metadata.RegistrationEndpoint != "" {
			list = append(list, preflight{what: "the registration endpoint", subject: s.issuer, url: s.metadata.RegistrationEndpoint, method: http.MethodPost, headers: []string{"content-type"}})
		}
	}
	for i := range list {
		p := &list[i]
		header := []string{"Origin", pageOrigin, "Access-Control-Request-Method", p.method}
		if len(p.headers) > 0 {
			header = append(header, "Access-Control-Request-Headers", strings.Join(p.headers, ","))
		}
		p.exchange = o.client.Do(ctx, http.MethodOptions, p.url, nil, header...)
	}
	o.preflights = list
}

var browserChecks = []check{
	{"cors-gateway", func(o *Observation) []report.Result { return checkPreflights(o, true) }},
	{"cors-as", func(o *Observation) []report.Result { return checkPreflights(o, false) }},
}

// refusal returns why a browser would not let a page send the request, "" if it would.
func (p *preflight) refusal() string {
	x := p.exchange
	if x.Err != nil {
		return x.Fault()
	}
	if x.Status < 200 || x.Status > 299 {
		return fmt.Sprintf("status %d", x.Status)
	}
	if origin := x.Header.Get("Access-Control-Allow-Origin"); origin != "*" && origin != pageOrigin {
		return "no Access-Control-Allow-Origin for the page"
	}
	allowed := fields(x.Header, "Access-Control-Allow-Headers")
	for _, h := range p.headers {
		if !slices.Contains(allowed, h) && (h == "authorization" || !slices.Contains(allowed, "*")) {
			return "the header " + h + " is not allowed"
		}
	}
	if methods := fields(x.Header, "Access-Control-Allow-Methods"); p.method == http.MethodDelete && !slices.Contains(methods, "delete") {
		return "the method is not allowed"
	}
	return ""
}

func fields(h http.Header, name string) []string {
	var list []string
	for _, v := range strings.Split(strings.Join(h.Values(name), ","), ",") {
		list = append(list, strings.ToLower(strings.TrimSpace(v)))
	}
	return list
}

// checkPreflights judges the preflights of the gateway, or those of the authorization
// servers, where a failure concerns web pages only.
func checkPreflights(o *Observation, ours bool) []report.Result {
	bySubject := map[string][]string{}
	var order []string
	for i := range o.preflights {
		p := &o.preflights[i]
		if p.ours != ours {
			continue
		}
		if _, ok := bySubject[p.subject]; !ok {
			order = append(order, p.subject)
			bySubject[p.subject] = nil
		}
		if reason := p.refusal(); reason != "" {
			bySubject[p.subject] = append(bySubject[p.subject], p.what+" ("+reason+")")
		}
	}
	var results []report.Result
	for _, subject := range order {
		refused := bySubject[subject]
		r := report.Result{Subject: subject, Message: "web pages may call it"}
		if len(refused) > 0 {
			r.Status = report.Warning
			r.Message = "clients in web pages cannot call " + strings.Join(refused, ", ")
			if ours {
				r.Fix, r.Setting = "list the page's origin in allowed_origins; if preflights do not reach the plugin, put it before the filter that answers them", "RESOURCE.allowed_origins"
				if only := o.resource; only != nil && only.AllowedOrigins != nil {
					r.Status = report.Note // as configured
				}
				if x := o.preflights[0].exchange; x.Err == nil {
					if a, ok := answerOf(x); ok && a.Error == "origin_not_allowed" {
						r.Status, r.Message = report.Note, "web pages of other origins than allowed_origins get 403"
					}
				}
			} else {
				r.Fix = "allow CORS for these endpoints at the provider (Keycloak: Web Origins), or put oauth_proxy before it"
				r.Setting = "SERVER.oauth_proxy"
			}
		}
		results = append(results, r)
	}
	return results
}

// queryOf returns the parameters of a URL.
func queryOf(s string) url.Values {
	u, err := url.Parse(s)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}
