package monitoring

import (
	"context"
	"encoding/json"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/mcpserver"
	"mcpauth/integration/load"
)

type object = map[string]any

// A Gateway is an Envoy with mcpauth that Prometheus scrapes.
type Gateway struct {
	// Job is the job of prometheus.yml that scrapes it.
	Job string
	// StatsConfig is stats_config of Envoy, in YAML.
	StatsConfig string
	// StatPrefix is that of the connection manager; empty means "gateway".
	StatPrefix string
	// ByFilter makes Envoy read the filter alone from a file, else it reads the listener.
	ByFilter bool
	*envoy.Process
}

// Reject gives the gateway a configuration that Envoy rejects.
func (g *Gateway) Reject() error { return g.update("{}") }

func (g *Gateway) update(plugin string) error {
	if g.ByFilter {
		return g.UpdateFilter(plugin)
	}
	return g.UpdateListener(plugin)
}

// A Stage is gateways with their servers.
type Stage struct {
	Auth, Opaque *authserver.Server // of JWTs, of opaque tokens
	Gateways     []*Gateway
	mcp          *mcpserver.Server
	loads        []*load.Load
	traffic      *traffic
}

const resource = "https://mcp.example.com/notes"

// gatewayClient is the gateway at the server of opaque tokens.
var gatewayClient = authserver.Client{ID: "gateway", Secret: "secret"}

// NewStage starts the servers and the gateways, whose plugin is the file wasm.
func NewStage(ctx context.Context, wasm string, gateways ...*Gateway) (*Stage, error) {
	s := &Stage{}
	if err := s.start(ctx, wasm, gateways); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context, wasm string, gateways []*Gateway) (err error) {
	binary, err := envoy.Find(ctx)
	if err != nil {
		return err
	}
	if s.Auth, err = authserver.Start(authserver.Options{}); err != nil {
		return err
	}
	if s.Opaque, err = authserver.Start(authserver.Options{Opaque: true, Clients: []authserver.Client{gatewayClient}}); err != nil {
		return err
	}
	if s.mcp, err = mcpserver.Start(nil); err != nil {
		return err
	}
	if s.traffic, err = newTraffic(s); err != nil {
		return err
	}
	for _, g := range gateways {
		if g.Process, err = envoy.Start(ctx, binary, envoy.Options{
			Wasm: wasm, Plugin: s.Config(), Upstream: "mcp", Extra: g.StatsConfig, StatPrefix: g.StatPrefix,
			DynamicListener: !g.ByFilter, DynamicFilter: g.ByFilter,
			Clusters: []envoy.Cluster{envoy.ClusterAt("mcp", s.mcp.Addr()), envoy.ClusterAt("auth", s.Auth.Addr()), envoy.ClusterAt("opaque", s.Opaque.Addr())},
		}); err != nil {
			return err
		}
		s.Gateways = append(s.Gateways, g)
	}
	return nil
}

// Config is the plugin's configuration.
func (s *Stage) Config() string {
	doc, err := json.Marshal(object{
		"authorization_servers": []object{
			{"issuer": s.Auth.Issuer(), "cluster": "auth"},
			{"issuer": s.Opaque.Issuer(), "cluster": "opaque", "introspection": object{"client_id": gatewayClient.ID, "client_secret": gatewayClient.Secret, "max_cache_seconds": 1}},
		},
		"resources": []object{{"resource": resource, "required_scopes": []string{"read:notes"}, "allowed_origins": []string{"https://app.example.com"}}},
	})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// Stop ends everything.
func (s *Stage) Stop() {
	for _, l := range s.loads {
		l.Stop()
	}
	for _, g := range s.Gateways {
		g.Stop()
	}
	for _, a := range []*authserver.Server{s.Auth, s.Opaque} {
		if a != nil {
			a.Close()
		}
	}
	if s.mcp != nil {
		s.mcp.Close()
	}
}
