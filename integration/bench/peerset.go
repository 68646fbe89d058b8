package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"

	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
)

// A peer is one way to protect an MCP server, behind a listener of its own. Base peers protect
// nothing.
type peer struct {
	Name, Title string
	Short       string // for the heads of columns
	// Base is the peer with which the costs are compared: the same server without the part
	// that checks tokens. It is empty for a base.
	Base string
	// Server and Authz are the services that take part, Authz only with ext_authz.
	Server, Authz string
	Wasm          string // the plugin's file
	JWT, Lua      bool   // filters
	Metadata      bool   // Envoy serves the metadata by itself, and answers preflights
	Code          bool   // who runs it has written code that could do more
	OnlyRS256     bool   // takes one algorithm
	// Identity is the header in which the server learns who calls, empty if the server
	// checks the token itself.
	Identity string
	Port     *loopback.Port
}

// filters tells whether the peer refuses requests without a token.
func (p *peer) filters() bool { return p.Base != "" }

// allPeers returns the set-ups, each behind its base.
func allPeers() []*peer {
	return []*peer{
		{Name: "envoy", Title: "Envoy alone", Short: "Envoy alone", Server: "upstream"},
		{Name: "mcpauth", Title: "mcpauth", Short: "mcpauth", Base: "envoy", Server: "upstream", Identity: "x-mcpauth-subject"},
		{Name: "jwt_authn", Title: "jwt_authn", Short: "jwt_authn", Base: "envoy", Server: "upstream", JWT: true, Identity: "x-user"},
		{Name: "jwt_authn_lua", Title: "jwt_authn, RBAC and Lua", Short: "jwt_authn, Lua", Base: "envoy", Server: "upstream", JWT: true, Lua: true, Metadata: true, Identity: "x-user"},
		{Name: "ext_authz", Title: "ext_authz with go-oidc", Short: "ext_authz", Base: "envoy", Server: "upstream", Authz: "extauthz", Metadata: true, Code: true, Identity: "x-user"},
		{Name: "ext_authz_cache", Title: "ext_authz with go-oidc and a cache", Short: "ext_authz, cache", Base: "envoy", Server: "upstream", Authz: "extauthz_cache", Metadata: true, Code: true, Identity: "x-user"},
		{Name: "starlette", Title: "Starlette server", Short: "Starlette", Server: "starlette"},
		{Name: "python", Title: "MCP Python SDK", Short: "Python SDK", Base: "starlette", Server: "python", Code: true},
		{Name: "fastmcp", Title: "FastMCP", Short: "FastMCP", Base: "starlette", Server: "fastmcp", Code: true, OnlyRS256: true},
		{Name: "express", Title: "Express server", Short: "Express", Server: "express"},
		{Name: "typescript", Title: "MCP TypeScript SDK", Short: "TypeScript SDK", Base: "express", Server: "typescript", Code: true},
	}
}

// protecting returns those that are no base.
func protecting(all []*peer) []*peer {
	return slices.DeleteFunc(slices.Clone(all), func(p *peer) bool { return !p.filters() })
}

const (
	// peerScope is what every request needs, and peerToolScope what the tool delete_note
	// needs besides.
	peerScope, peerToolScope = "read:notes", "write:notes"
	peerPath                 = "/notes"
	peerMetadataPath         = "/.well-known/oauth-protected-resource/notes"
	// peerOrigin is that of a web page that may call.
	peerOrigin = "https://app.example.com"
	// peerCacheEntries is how many tokens a cache holds, as mcpauth's does by default.
	peerCacheEntries = 4096
)

var (
	//go:embed peers.yaml.tmpl
	peersText string
	//go:embed peers.lua
	peersLua string

	peersTemplate = template.Must(template.New("peers").Funcs(template.FuncMap{
		"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
	}).Parse(peersText))
	luaTemplate = template.Must(template.New("lua").Parse(peersLua))
)

// peerCluster is an upstream of Envoy.
type peerCluster struct {
	Name  string
	Host  string
	Port  uint16
	HTTP2 bool
}

// peerConfiguration is what the template of Envoy's configuration needs.
type peerConfiguration struct {
	Peers                   []*peer
	Clusters                []peerCluster
	Issuer, KeySetURL       string
	Resource, Scope, Origin string
	MetadataPath, Metadata  string
	Plugin, Lua             string
	CacheEntries            int
	Full                    bool // with all that the probes ask for
	services                map[string]*service
	authAddress             string
}

// bootstrap renders the configuration of Envoy.
func (c *peerConfiguration) bootstrap() (string, error) {
	c.Resource, c.Scope, c.Origin, c.MetadataPath = resource, peerScope, peerOrigin, peerMetadataPath
	c.CacheEntries = peerCacheEntries
	for name, s := range c.services {
		cluster, err := clusterAt(name, s.address)
		if err != nil {
			return "", err
		}
		cluster.HTTP2 = s.grpc
		c.Clusters = append(c.Clusters, cluster)
	}
	auth, err := clusterAt("auth", c.authAddress)
	if err != nil {
		return "", err
	}
	c.Clusters = append(c.Clusters, auth)
	slices.SortFunc(c.Clusters, func(a, b peerCluster) int { return strings.Compare(a.Name, b.Name) })
	if c.Metadata, err = jsonText(map[string]any{
		"resource": resource, "authorization_servers": []string{c.Issuer},
		"scopes_supported": []string{peerScope}, "bearer_methods_supported": []string{"header"},
	}); err != nil {
		return "", err
	}
	if c.Plugin, err = c.plugin(); err != nil {
		return "", err
	}
	var lua, doc bytes.Buffer
	if err := luaTemplate.Execute(&lua, map[string]string{"MetadataURL": "https://" + host + peerMetadataPath, "Scope": peerScope}); err != nil {
		return "", err
	}
	c.Lua = lua.String()
	err = peersTemplate.Execute(&doc, c)
	return doc.String(), err
}

// plugin returns the configuration of mcpauth: for the costs, what the others can do as well.
func (c *peerConfiguration) plugin() (string, error) {
	r := map[string]any{"resource": resource, "required_scopes": []string{peerScope}, "allowed_origins": []string{peerOrigin}}
	if c.Full {
		r["tools"] = map[string]any{"delete_note": []string{peerToolScope}}
		r["dpop"], r["mutual_tls"], r["trust_forwarded_client_cert"] = "accept", "accept", true
	}
	return jsonText(map[string]any{
		"authorization_servers": []any{map[string]any{"issuer": c.Issuer, "cluster": "auth"}},
		"resources":             []any{r},
	})
}

func jsonText(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func clusterAt(name, address string) (peerCluster, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return peerCluster{}, fmt.Errorf("cluster %s: %w", name, err)
	}
	return peerCluster{Name: name, Host: a.Addr().String(), Port: a.Port()}, nil
}

// completePeers reserves ports and finds the plugin's file.
func completePeers(all []*peer) error {
	for _, p := range all {
		var err error
		if p.Name == "mcpauth" {
			p.Wasm, err = envoy.Wasm()
		}
		if err == nil {
			p.Port, err = loopback.Reserve(0)
		}
		if err != nil {
			releasePeers(all)
			return err
		}
	}
	return nil
}

func releasePeers(all []*peer) {
	for _, p := range all {
		if p.Port != nil {
			p.Port.Release()
			p.Port = nil
		}
	}
}
