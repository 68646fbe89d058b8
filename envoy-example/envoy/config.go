package envoy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/netip"
	"strings"
	"text/template"
	"time"
)

// Options describe a gateway: one listener with the mcpauth filter in front of
// one upstream.
type Options struct {
	// Wasm is the path of the plugin's file.
	Wasm string
	// Plugin is the plugin's configuration, a JSON document.
	Plugin string
	// PluginEnv are environment variables for the plugin.
	PluginEnv map[string]string
	// Port to listen on, of 127.0.0.1; 0 means any free one.
	Port int
	// Upstream is the cluster of the MCP server.
	Upstream string
	// Hosts are the clusters of further virtual hosts, by their domains.
	Hosts map[string]string
	// Pages are the origins of the web pages that may read the upstream's responses,
	// "*" for all. They configure Envoy's CORS filter, behind mcpauth.
	Pages []string
	// Clusters are the clusters of the upstream and of the plugin's callouts.
	Clusters []Cluster
	// Filters are HTTP filters behind mcpauth, a list in YAML.
	Filters string
	// AccessLog is the log_format of an access log, in YAML on one line; empty
	// means none. See [Process.AccessLog].
	AccessLog string
	// StatPrefix is the stat_prefix of the connection manager; empty means "gateway".
	StatPrefix string
	// Tracing is the member tracing of the connection manager, in YAML on one line; empty
	// means none.
	Tracing string
	// Lenient disables Envoy's own checks of paths and header names. mcpauth is safe
	// without them, but a deployment should enable them.
	Lenient bool
	// HeadersStopIteration is allow_on_headers_stop_iteration of the filter.
	HeadersStopIteration bool
	// BufferLimit is per_connection_buffer_limit_bytes of the listener and the
	// initial window of HTTP/2 streams, 65,535 or more; 0 means Envoy's defaults.
	BufferLimit int
	// Upgrades lets WebSocket connections through, over HTTP/2 too. It goes with no
	// BufferLimit.
	Upgrades bool
	// DynamicListener makes Envoy read the listener from the file listener.yaml
	// of its working directory and follow its changes: see
	// [Process.UpdateListener].
	DynamicListener bool
	// DynamicFilter makes Envoy read the filter alone from a file and follow its
	// changes, with the listener and its connections left as they are: see
	// [Process.UpdateFilter].
	DynamicFilter bool
	// BalanceConnections gives each worker the same number of connections.
	BalanceConnections bool
	// DrainTime is how long connections of a listener or filter chain that was
	// replaced may go on; 0 means Envoy's default of ten minutes.
	DrainTime time.Duration
	// Workers is the number of worker threads; 0 means two.
	Workers int
	// Extra are more members of Envoy's bootstrap configuration, in YAML.
	Extra string
	// Bootstrap, if not empty, is Envoy's whole configuration; the members
	// above it but Workers are then without effect.
	Bootstrap string
}

// Cluster is an upstream cluster with one endpoint.
type Cluster struct {
	Name string
	Host string // an IP address
	Port int
	// Movable lets [Process.MoveCluster] give the cluster another address.
	Movable bool
}

// ClusterAt returns a cluster with its endpoint at an address of the form
// host:port. It panics if the address has another form.
func ClusterAt(name, address string) Cluster {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		panic("envoy: cluster " + name + ": " + err.Error())
	}
	return Cluster{Name: name, Host: a.Addr().String(), Port: int(a.Port())}
}

//go:embed gateway.yaml.tmpl
var gatewayText string

var gateway = template.Must(template.New("gateway").Funcs(template.FuncMap{
	"json":   toJSON,
	"indent": indent,
}).Parse(gatewayText))

// Bootstrap renders Envoy's bootstrap configuration. dir is the folder of the
// files that dynamic parts are read from.
func Bootstrap(o Options, dir string) (string, error) {
	listener, err := Listener(o, dir)
	if err != nil {
		return "", err
	}
	endpoints := make([]string, len(o.Clusters))
	for i := range o.Clusters {
		endpoints[i] = endpointPath(dir, i)
	}
	return render("bootstrap", struct {
		Options
		ListenerPath  string
		EndpointPaths []string
		Listener      string
	}{o, listenerPath(dir), endpoints, listener})
}

// Listener renders the listener alone.
func Listener(o Options, dir string) (string, error) {
	filter, err := Filter(o)
	if err != nil {
		return "", err
	}
	return render("listener", struct {
		Options
		FilterPath, Filter, AccessLogPath string
	}{o, filterPath(dir), filter, accessLogPath(dir)})
}

// Filter renders the configuration of the mcpauth filter alone.
func Filter(o Options) (string, error) { return render("filter", o) }

func render(name string, data any) (string, error) {
	var b bytes.Buffer
	if err := gateway.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return b.String(), nil
}

// toJSON quotes a value: JSON is valid YAML.
func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func indent(spaces int, text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", spaces))
}
