// Package lint checks a configuration of the plugin without the network: by the plugin's
// own parser, and against the file of Envoy, Istio or Envoy Gateway that it stands in.
package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
	"mcpauth/config"
)

// A check looks at one thing.
type check struct {
	name string
	run  func(f *source.Found, c *config.Config) []report.Result
}

// checks need a valid configuration.
var checks = []check{
	{"config-warning", warnings},
	{"fail-closed", failClosed},
	{"filter-order", filterOrder},
	{"cluster", clusterExists},
	{"cluster-tls", clusterTLS},
	{"headers-stop", headersStop},
	{"secret-variable", secretVariables},
	{"guard", guard},
}

// Check returns the configuration, nil if it is not valid, and what the checks find.
func Check(f *source.Found) (*config.Config, []report.Result) {
	c, err := f.Config()
	if err != nil {
		return nil, invalid(f, err)
	}
	results := []report.Result{{
		Check: "config-valid", Status: report.Pass, File: f.File, Line: f.Line,
		Message: fmt.Sprintf("the plugin accepts it: %s, %s", count(len(c.Resources), "resource"), count(len(c.AuthorizationServers), "authorization server")),
	}}
	for _, k := range checks {
		for _, r := range k.run(f, c) {
			r.Check = k.name
			if r.File == "" {
				r.File = f.File
			}
			if r.Line == 0 {
				r.Line = f.LineOf(r.Setting)
			}
			results = append(results, r)
		}
	}
	return c, results
}

// invalid returns one result for each mistake that the plugin's parser names.
func invalid(f *source.Found, err error) []report.Result {
	var list config.Errors
	if !errors.As(err, &list) {
		return []report.Result{{Check: "config-valid", Status: report.Failure, Message: err.Error(), File: f.File, Line: f.Line}}
	}
	var results []report.Result
	for _, e := range list {
		results = append(results, report.Result{
			Check: "config-valid", Status: report.Failure, Message: e.Message, Setting: e.Path,
			Fix:  "correct this member: the plugin does not start with it",
			File: f.File, Line: f.LineOf(e.Path),
		})
	}
	return results
}

func warnings(_ *source.Found, c *config.Config) []report.Result {
	var results []report.Result
	for _, w := range c.Warnings {
		path, message, _ := strings.Cut(w, ": ")
		results = append(results, report.Result{Status: report.Warning, Message: message, Setting: path})
	}
	return results
}

func failClosed(f *source.Found, _ *config.Config) []report.Result {
	if !f.Host.FailsOpen {
		return nil
	}
	return []report.Result{{
		Status: report.Failure, Line: f.Host.FailsOpenLine,
		Message: "requests pass unchecked while the plugin does not run",
		Fix: map[source.Kind]string{
			source.EnvoyExtensionPolicy: "set failOpen: false",
			source.WasmPlugin:           "set failStrategy: FAIL_RELOAD",
			source.TrafficExtension:     "set failStrategy: FAIL_RELOAD",
			source.Envoy:                "set failure_policy: FAIL_RELOAD",
		}[f.Host.Kind],
	}}
}

func filterOrder(f *source.Found, _ *config.Config) []report.Result {
	switch {
	case f.Host.AfterRouter:
		return []report.Result{{Status: report.Failure, Line: f.Line, Message: "the filter stands behind the router, and never sees a request", Fix: "move it before envoy.filters.http.router"}}
	case f.Host.Disabled:
		return []report.Result{{Status: report.Failure, Line: f.Line, Message: "the filter is disabled", Fix: "remove disabled: true"}}
	}
	return nil
}

// A use is a cluster that the configuration names.
type use struct{ name, path, url string }

// uses returns the clusters that the plugin calls, with the URLs that it calls there.
func uses(c *config.Config) []use {
	var list []use
	for i, s := range c.AuthorizationServers {
		path := fmt.Sprintf("authorization_servers[%d]", i)
		if s.Cluster != "" {
			list = append(list, use{s.Cluster, path + ".cluster", s.Issuer})
		}
		if s.JWKSCluster != s.Cluster {
			list = append(list, use{s.JWKSCluster, path + ".jwks_cluster", s.Issuer})
		}
		if k := s.Introspection; k != nil && k.Cluster != "" && k.Cluster != s.Cluster {
			member := "introspection"
			if k.Userinfo != nil {
				member = "userinfo"
			}
			list = append(list, use{k.Cluster, path + "." + member + ".cluster", s.Issuer})
		}
		if o := s.OAuthProxy; o != nil && o.Cluster != "" && o.Cluster != s.Cluster {
			list = append(list, use{o.Cluster, path + ".oauth_proxy.cluster", s.Issuer})
		}
		if o := s.OAuthProxy; o != nil {
			for j, d := range o.ClientDocuments {
				list = append(list, use{d.Cluster, fmt.Sprintf("%s.oauth_proxy.client_id_metadata_documents[%d].cluster", path, j), strings.TrimSuffix(d.URL, "*")})
			}
		}
	}
	return list
}

func clusterExists(f *source.Found, c *config.Config) []report.Result {
	if f.Host.Clusters == nil {
		return nil
	}
	var results []report.Result
	for _, u := range uses(c) {
		if _, ok := f.Host.Clusters[u.name]; ok {
			continue
		}
		var names []string
		for name := range f.Host.Clusters {
			names = append(names, name)
		}
		slices.Sort(names)
		results = append(results, report.Result{
			Status: report.Failure, Setting: u.path,
			Message: fmt.Sprintf("Envoy's configuration has no cluster %q: no keys can be fetched, and requests get 503", u.name),
			Fix:     "add the cluster, or name one of " + strings.Join(names, ", "),
		})
	}
	return results
}

func clusterTLS(f *source.Found, c *config.Config) []report.Result {
	var results []report.Result
	for _, u := range uses(c) {
		cluster, ok := f.Host.Clusters[u.name]
		if ok && !cluster.TLS && strings.HasPrefix(u.url, "https://") {
			results = append(results, report.Result{
				Status: report.Warning, Line: cluster.Line,
				Message: fmt.Sprintf("the cluster %q leads to %s, but has no TLS transport_socket: it sends plain HTTP", u.name, u.url),
				Fix:     "add the transport_socket of docs/envoy.md, with sni and auto_sni_san_validation",
			})
		}
	}
	return results
}

func headersStop(f *source.Found, c *config.Config) []report.Result {
	if f.Host.Kind != source.Envoy || f.Host.StopsHeaders == c.StopsHeaders {
		return nil
	}
	r := report.Result{Status: report.Failure, Setting: "allow_on_headers_stop_iteration"}
	if c.StopsHeaders {
		r.Message = "it is set in the plugin's configuration, but not in Envoy's: requests with a body hang"
		r.Fix = "set allow_on_headers_stop_iteration: true beside vm_config too"
	} else {
		r.Status = report.Warning
		r.Message = "it is set in Envoy's configuration, but not in the plugin's: the plugin does not use it"
		r.Fix = "set it in the plugin's configuration too"
	}
	return []report.Result{r}
}

func secretVariables(f *source.Found, c *config.Config) []report.Result {
	var missing []string
	c.ReadSecrets(func(name string) (string, bool) {
		if !f.Host.Variables[name] {
			missing = append(missing, name)
		}
		return "x", true
	})
	if f.Host.Kind == source.Plain {
		return nil
	}
	var results []report.Result
	for _, name := range missing {
		results = append(results, report.Result{
			Status: report.Failure, Line: f.Line,
			Message: fmt.Sprintf("the plugin is not given the environment variable %s, and does not start", name),
			Fix: map[source.Kind]string{
				source.Envoy:                "add it to vm_config.environment_variables.host_env_keys",
				source.EnvoyExtensionPolicy: "add it to env.hostKeys",
				source.WasmPlugin:           "add it to vmConfig.env, with valueFrom: HOST",
				source.TrafficExtension:     "add it to vmConfig.env, with valueFrom: HOST",
			}[f.Host.Kind],
		})
	}
	return results
}

func guard(f *source.Found, c *config.Config) []report.Result {
	switch {
	case f.Host.Kind == source.Plain || c.VerdictHeader && (!f.Host.InChain || f.Host.Guarded):
		return nil
	case c.VerdictHeader:
		return []report.Result{{
			Status: report.Note, Setting: "verdict_header",
			Message: "no RBAC filter behind the plugin demands x-mcpauth-verdict: the plugin alone protects the server",
			Fix:     "add the guard of docs/envoy.md, which refuses requests that did not pass the plugin",
		}}
	case f.Host.Guarded:
		return []report.Result{{
			Status: report.Failure, Setting: "verdict_header",
			Message: "an RBAC filter demands x-mcpauth-verdict, which the plugin does not set: every request that it guards gets 403",
			Fix:     `set "verdict_header": true`,
		}}
	}
	return []report.Result{{
		Status: report.Note, Setting: "verdict_header",
		Message: "it is not set: no guard behind the plugin can tell that a request has passed it",
		Fix:     `set "verdict_header": true, and add the guard`,
	}}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
