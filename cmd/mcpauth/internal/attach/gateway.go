package attach

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed templates
var templates embed.FS

// gatewayData is what the templates need.
type gatewayData struct {
	Namespace, Name, RouteNamespace string
	Selector                        map[string]string // of Istio's own Gateway; nil for one of the Gateway API
	Routes                          []string
	Host, Port                      string
	TLS, IsAddress                  bool
	Image, Plugin                   string
}

// gateway adds the manifests of the plugin behind those of a Gateway.
func (e *editor) gateway(g *yaml.Node, documents []*yaml.Node) error {
	if e.options.Image == "" {
		return errors.New("--image is needed: the plugin's image with its digest, as `make image` prints it")
	}
	d := &gatewayData{
		Namespace: scalar(g, "metadata", "namespace"), Name: scalar(g, "metadata", "name"),
		Host: e.host(), Port: e.port(), TLS: e.issuer.Scheme == "https", IsAddress: e.isAddress(), Image: strings.TrimPrefix(e.options.Image, "oci://"),
	}
	if d.Namespace == "" {
		d.Namespace = "default"
	}
	if !strings.Contains(d.Image, "@sha256:") {
		e.notes = append(e.notes, "the image has no digest: a tag can move to another image")
	}
	if strings.HasPrefix(scalar(g, "apiVersion"), "networking.istio.io/") {
		selector := value(g, "spec", "selector")
		if selector == nil || selector.Decode(&d.Selector) != nil || len(d.Selector) == 0 {
			return fmt.Errorf("line %d: the Gateway has no selector, which the plugin needs", g.Line)
		}
		if d.Namespace != "istio-system" && d.Namespace != "istio-ingress" {
			e.notes = append(e.notes, fmt.Sprintf("the manifests are for the namespace %s: the pods of the gateway must be there", d.Namespace))
		}
		return e.istio(d)
	}
	if class := scalar(g, "spec", "gatewayClassName"); class == "istio" {
		return e.istio(d)
	}
	return e.envoyGateway(d, documents)
}

func (e *editor) istio(d *gatewayData) error {
	return e.append("istio.yaml.tmpl", fmt.Sprintf("outbound|%s||%s", d.Port, d.Host), d)
}

func (e *editor) envoyGateway(d *gatewayData, documents []*yaml.Node) error {
	for _, r := range documents {
		if scalar(r, "kind") != "HTTPRoute" {
			continue
		}
		d.Routes = append(d.Routes, scalar(r, "metadata", "name"))
		d.RouteNamespace = scalar(r, "metadata", "namespace")
		if !bytes.Contains(routeText(r), []byte("/.well-known/oauth-protected-resource")) && !bytes.Contains(routeText(r), []byte(`value: /`+"\n")) {
			e.notes = append(e.notes, fmt.Sprintf("line %d: the route needs a match for the path prefix /.well-known/oauth-protected-resource too", r.Line))
		}
	}
	d.Routes = append(d.Routes, e.options.Routes...)
	if len(d.Routes) == 0 {
		return errors.New("there is no HTTPRoute in the file: name those of the MCP server with --route")
	}
	if d.RouteNamespace == "" {
		d.RouteNamespace = d.Namespace
	}
	return e.append("envoygateway.yaml.tmpl", fmt.Sprintf("httproute/%s/mcpauth-identity-provider/rule/0", d.RouteNamespace), d)
}

func routeText(r *yaml.Node) []byte {
	text, err := yaml.Marshal(r)
	if err != nil {
		return nil
	}
	return text
}

// append adds the manifests of a template at the end.
func (e *editor) append(name, cluster string, d *gatewayData) error {
	if e.options.Cluster != "" {
		cluster = e.options.Cluster
	}
	plugin, err := e.plugin(cluster)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(plugin), &node); err != nil {
		return err
	}
	blockStyle(&node)
	var text bytes.Buffer
	y := yaml.NewEncoder(&text)
	y.SetIndent(2)
	if err := y.Encode(&node); err != nil {
		return err
	}
	d.Plugin = strings.TrimSpace(text.String())
	t, err := template.New(name).Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"indent": func(n int, s string) string { return strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", n)) },
	}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, d); err != nil {
		return err
	}
	e.insert(len(e.offsets)+1, 0, out.String())
	return nil
}

// blockStyle makes the objects of a JSON text stand on lines of their own, and its names
// plain.
func blockStyle(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		n.Style = 0
		for i := 0; i < len(n.Content); i += 2 {
			n.Content[i].Style = 0
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}
