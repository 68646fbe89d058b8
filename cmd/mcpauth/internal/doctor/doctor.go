// Package doctor walks a deployment as an MCP client would, and finds out what is in the
// way of a sign-in.
//
// It works in stages. A stage first observes: it sends requests and puts what it sees into
// the [Observation]. Then its checks, which send nothing, judge the Observation. A stage
// that cannot go on ends the walk.
package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"time"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/redact"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
	"mcpauth/config"
)

// Options say what is checked.
type Options struct {
	// URL is what a user gives to the MCP client.
	URL string
	// Timeout bounds the whole walk.
	Timeout time.Duration
	// Roots are the accepted certification authorities, nil for those of the system.
	Roots *x509.CertPool
	// Found is the configuration of the gateway, which is valid; nil if it is not known.
	Found *source.Found
	// Passive sends no request with a forged token.
	Passive bool
	// Register registers a client at each authorization server.
	Register bool
	// Token is an access token to try, empty for none.
	Token string
	// Whoami is a tool of the MCP server that says who calls, empty for none.
	Whoami string
	// Login signs a user in.
	Login *Login
	// MetadataOnly leaves out browsers, and what needs a token or a registration.
	MetadataOnly bool

	// Secrets learns the secrets that come up.
	Secrets *redact.Redactor
	// Result is called with each result as it is found.
	Result func(report.Result)
	// Progress is called before each step that may take long.
	Progress func(string)
	// UserAgent names the program.
	UserAgent string
}

// A check judges what was observed. It returns nothing if it does not apply.
type check struct {
	name string
	run  func(o *Observation) []report.Result
}

// A stage is a part of the walk.
type stage struct {
	name    string
	observe func(ctx context.Context, o *Observation)
	checks  []check
	// applies is nil for a stage that always applies.
	applies func(o *Observation) bool
}

// stages are in the order of the walk: causes come before what follows from them.
var stages = []stage{
	{"reach", observeBare, reachChecks, nil},
	{"challenge", nil, challengeChecks, nil},
	{"metadata", observeMetadata, metadataChecks, nil},
	{"authorization servers", observeServers, serverChecks, nil},
	{"keys", observeForged, forgedChecks, func(o *Observation) bool { return !o.Passive }},
	{"browser", observePreflights, browserChecks, func(o *Observation) bool { return !o.MetadataOnly }},
	{"registration", observeRegistration, registrationChecks, func(o *Observation) bool { return o.Register && !o.MetadataOnly }},
	{"login", observeLogin, loginChecks, func(o *Observation) bool { return o.Login != nil && !o.MetadataOnly }},
	{"token", observeToken, tokenChecks, func(o *Observation) bool { return o.Token != "" && !o.MetadataOnly }},
	{"server", observeUpstream, upstreamChecks, func(o *Observation) bool { return o.accepted() && !o.MetadataOnly }},
}

// An Observation is all that was seen.
type Observation struct {
	*Options
	client *probe.Client
	target *url.URL

	config        *config.Config
	resource      *config.Resource // of the configuration; nil if that is not known
	resourceIndex int

	bare      *probe.Exchange // the request without a token
	challenge challenge
	places    []*place // where the resource's metadata may be
	metadata  *resourceMetadata
	servers   []*server

	preflights []preflight
	login      *loginResult
	token      *tokenResult
	upstream   *upstreamResult

	// ended says why the walk cannot go on.
	ended string
}

// Run walks the deployment. The error says that the walk could not begin.
func Run(ctx context.Context, options *Options) (*report.Report, error) {
	o := &Observation{Options: options}
	var err error
	if o.target, err = parseTarget(options.URL); err != nil {
		return nil, err
	}
	if f := options.Found; f != nil {
		if o.config, err = f.Config(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.File, err)
		}
		o.findResource()
	}
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	// A gateway may hold a request for ten seconds while it fetches keys.
	o.client = probe.New(options.Roots, min(12*time.Second, options.Timeout*2/3), options.UserAgent)
	r := &report.Report{Target: options.URL}
	for i := range stages {
		s := &stages[i]
		if s.applies != nil && !s.applies(o) {
			continue
		}
		if ctx.Err() != nil && o.ended == "" {
			o.ended = "no time is left: see --timeout"
		}
		if o.ended != "" {
			o.add(r, s.name, report.Result{Status: report.Skipped, Message: "not checked: " + o.ended})
			continue
		}
		if s.observe != nil {
			options.Progress(s.name)
			s.observe(ctx, o)
		}
		for _, c := range s.checks {
			for _, result := range c.run(o) {
				o.add(r, c.name, result)
			}
		}
	}
	options.Progress("")
	return r, nil
}

// add completes a result and adds it.
func (o *Observation) add(r *report.Report, name string, result report.Result) {
	result.Check = name
	if result.Subject == "" {
		result.Subject = o.URL
	}
	result.Setting = o.place(result.Setting, result.Subject)
	if o.Found != nil && result.Setting != "" {
		result.File, result.Line = o.Found.File, o.Found.LineOf(result.Setting)
	}
	r.Add(result)
	o.Result(result)
}

// place fills in RESOURCE and SERVER of a Setting.
func (o *Observation) place(setting, subject string) string {
	resource, authServer := "resources[]", "authorization_servers[]"
	if o.resource != nil {
		resource = fmt.Sprintf("resources[%d]", o.resourceIndex)
		for i, s := range o.config.AuthorizationServers {
			if s.Issuer == subject || len(o.config.AuthorizationServers) == 1 {
				authServer = fmt.Sprintf("authorization_servers[%d]", i)
			}
		}
	}
	return strings.NewReplacer("RESOURCE", resource, "SERVER", authServer).Replace(setting)
}

func parseTarget(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q is not a URL such as https://mcp.example.com/notes", probe.WithoutQuery(s))
	case u.User != nil:
		return nil, fmt.Errorf("the URL must have no user and no password")
	case u.Fragment != "":
		return nil, fmt.Errorf("the URL must have no fragment (#)")
	}
	return u, nil
}

// one returns a list of one result.
func one(s report.Status, message, fix, setting string) []report.Result {
	return []report.Result{{Status: s, Message: message, Fix: fix, Setting: setting}}
}

func pass(format string, args ...any) []report.Result {
	return one(report.Pass, fmt.Sprintf(format, args...), "", "")
}
