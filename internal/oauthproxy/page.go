package oauthproxy

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/metrics"
)

// A page is HTML under construction. It has no script, and loads nothing.
type page struct{ text []byte }

// raw appends HTML, which is a constant of this package.
func (w *page) raw(html string) { w.text = append(w.text, html...) }

// escaped appends a text, for between tags or within a quoted attribute.
func (w *page) escaped(text string) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '&':
			w.raw("&amp;")
		case '<':
			w.raw("&lt;")
		case '>':
			w.raw("&gt;")
		case '"':
			w.raw("&quot;")
		case '\'':
			w.raw("&#39;")
		default:
			w.text = append(w.text, c)
		}
	}
}

// element appends a text between two pieces of HTML.
func (w *page) element(before, text, after string) {
	w.raw(before)
	w.escaped(text)
	w.raw(after)
}

const style = `:root{color-scheme:light dark;--page:#f3f4f6;--card:#fff;--text:#14181f;--faint:#515966;--line:#c9ced6;--main:#0b5cad;--on:#fff;--warn:#fff4d6;--edge:#9a6700}
@media(prefers-color-scheme:dark){:root{--page:#101318;--card:#1a1f27;--text:#e8ebf0;--faint:#a9b2c0;--line:#3a4350;--main:#7db8f5;--on:#0b1420;--warn:#332a12;--edge:#d9a93a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:0 auto;padding:1.5rem;background:var(--card);overflow-wrap:anywhere}
@media(min-width:36rem){main{margin:2.5rem auto;border:1px solid var(--line);border-radius:.75rem;padding:2rem}}
header{display:flex;align-items:center;gap:.75rem;color:var(--faint)}
img{max-height:3rem;max-width:12rem}
p{margin:.5rem 0}
h1{font-size:1.375rem;line-height:1.3;margin:1rem 0}
dl{margin:0}
dt{color:var(--faint);margin-top:1rem}
dd{margin:0}
ul{margin:0;padding-left:1.25rem}
small{display:block;color:var(--faint);font-size:.875rem}
.large{font-size:1.375rem;line-height:1.3;font-weight:600}
.warning{background:var(--warn);border-left:.25rem solid var(--edge);padding:.75rem;margin:1.25rem 0}
form{display:flex;flex-wrap:wrap;gap:.75rem}
button{flex:1 1 9rem;font:inherit;font-weight:600;padding:.75rem 1rem;border-radius:.5rem;border:2px solid var(--main);background:transparent;color:var(--main);cursor:pointer}
button:first-of-type{background:var(--main);color:var(--on)}
:focus-visible{outline:3px solid var(--edge);outline-offset:2px}
`

// ContentSecurityPolicy is the value of the Content-Security-Policy header of the pages. It
// allows their style, by its hash, and images in data URIs, and nothing else: no script, no frame, and no
// request to any site. It has no form-action: browsers apply that to where a form leads in
// the end, which is the provider.
const ContentSecurityPolicy = "default-src 'none'; style-src 'sha256-mX/Jk88RKLb7DzdWlXFX2zG/ti4c3eKN0lnIUkVHNqQ='; " +
	"img-src data:; base-uri 'none'; frame-ancestors 'none'"

// begin appends the head of a page and its heading.
func (w *page) begin(cfg *config.ConsentPage, issuer string, heading config.Text) {
	title := cfg.Title
	if title == "" {
		title = hostOf(issuer)
	}
	w.element(`<!doctype html><html lang="`, cfg.Language, `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`+
		`<meta name="robots" content="noindex"><link rel="icon" href="data:,"><title>`)
	w.element("", cfg.Text(heading), " - ")
	w.element("", title, "</title><style>"+style+`</style></head><body dir="auto"><main><header>`)
	if cfg.Logo != "" {
		w.element(`<img alt="" src="`, cfg.Logo, `">`)
	}
	w.element("<span>", title, "</span></header>")
	w.element("<h1>", cfg.Text(heading), "</h1>")
}

const endOfPage = "</main></body></html>\n"

// consentPage returns the page that asks a user about a request. sealed is the request for
// the form.
func (p *Proxy) consentPage(r *authorizationRequest, c *client, sealed, issuer string) []byte {
	cfg := &p.cfg.Page
	var w page
	w.begin(cfg, issuer, config.TextHeading)
	w.element("<dl><dt>", cfg.Text(config.TextApplication), "</dt>")
	if c.name == "" {
		w.element(`<dd class="large">`, cfg.Text(config.TextUnnamed), "</dd>")
	} else {
		w.element(`<dd class="large"><bdi>`, c.name, "</bdi></dd>")
	}
	if isDocumentID(c.id) {
		w.element("<dd>", cfg.Text(config.TextPublisher), " ")
		w.element(`<strong><bdi dir="ltr">`, hostOf(c.id), "</bdi></strong></dd>")
	} else if c.name != "" {
		w.element("<dd><small>", cfg.Text(config.TextUnverified), "</small></dd>")
	}
	w.element("<dt>", cfg.Text(config.TextDestination), "</dt>")
	where, name := destination(r.RedirectURI)
	w.raw(`<dd class="large">`)
	if where >= 0 {
		w.element("", cfg.Text(where), " ")
	}
	w.element(`<bdi dir="ltr">`, name, "</bdi></dd>")
	w.element(`<dd><small><bdi dir="ltr">`, r.RedirectURI, "</bdi></small></dd>")
	w.element("<dt>", cfg.Text(config.TextServer), "</dt>")
	resources := r.Resources
	if len(resources) == 0 || p.cfg.OmitResource { // the provider does not get them
		resources = []string{p.originOf(issuer)}
	}
	for _, resource := range resources {
		w.element(`<dd><bdi dir="ltr">`, resource, "</bdi></dd>")
	}
	w.element("<dt>", cfg.Text(config.TextScopes), "</dt><dd>")
	if scopes := p.scopes(r); len(scopes) > 0 {
		w.raw("<ul>")
		for _, scope := range scopes {
			w.element(`<li><bdi dir="ltr">`, scope, "</bdi></li>")
		}
		w.raw("</ul>")
	} else {
		w.element("", cfg.Text(config.TextNoScopes), "")
	}
	w.element(`</dd></dl><p class="warning">`, cfg.Text(config.TextWarning), "")
	if c.impersonable(r.RedirectURI) {
		w.element(" <strong>", cfg.Text(config.TextLoopbackWarning), "</strong>")
	}
	w.raw("</p>")
	w.element(`<form method="post" action="`, p.cfg.IssuerPath+p.cfg.PathPrefix+config.AuthorizeEndpoint, `"><input type="hidden" name="`+requestParameter+`" value="`)
	w.element("", sealed, `"><button name="`+decisionParameter+`" value="`+agreeDecision+`">`)
	w.element("", cfg.Text(config.TextAgree), `</button><button name="`+decisionParameter+`" value="`+denyDecision+`">`)
	w.element("", cfg.Text(config.TextDeny), "</button></form>")
	w.raw(endOfPage)
	return w.text
}

// destination says to whom a redirect URI leads: a host, or a text before the rest, if it is
// not negative.
func destination(uri string) (where config.Text, name string) {
	if _, _, loopback := splitLoopback(uri); loopback {
		return config.TextLoopback, ""
	}
	scheme, _, _ := strings.Cut(uri, ":")
	if scheme == "https" {
		return -1, hostOf(uri)
	}
	return config.TextPrivateScheme, scheme + ":"
}

// hostOf returns the host of a URL, with a port that is not the default.
func hostOf(uri string) string {
	u, err := config.ParseURL(uri)
	if err != nil {
		return uri
	}
	return u.Authority()
}

// errorPage returns the 400 with a page that says to a user what has happened. code and
// detail are for those who look into it; they are constants of this package.
func (p *Proxy) errorPage(issuer string, text config.Text, code, detail string) *Response {
	cfg := &p.cfg.Page
	var w page
	w.begin(cfg, issuer, config.TextErrorHeading)
	w.element("<p>", cfg.Text(text), "</p>")
	w.element("<p>", cfg.Text(config.TextErrorAdvice), "</p>")
	w.element("<small>", code+": "+detail, "</small>")
	w.raw(endOfPage)
	return &Response{Status: 400, HTML: w.text, Outcome: metrics.ProxyRefused}
}
