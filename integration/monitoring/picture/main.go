// Picture draws the dashboard of envoy-example/monitoring: it runs gateways under load,
// asks a real Prometheus each query of the dashboard, and draws each panel.
//
//	go run ./monitoring/picture ../docs/dashboard.svg
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/monitoring"
)

func main() {
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: picture FILE.svg")
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string) error {
	server, _, err := monitoring.FindPrometheus(ctx)
	if err != nil {
		return err
	}
	wasm, err := envoy.Wasm()
	if err != nil {
		return err
	}
	tags, err := monitoring.StatsTags()
	if err != nil {
		return err
	}
	gateways := []*monitoring.Gateway{
		{Job: "mcpauth-envoy", StatsConfig: tags},
		{Job: "mcpauth-envoy", StatsConfig: tags, ByFilter: true},
	}
	s, err := monitoring.NewStage(ctx, wasm, gateways...)
	if err != nil {
		return err
	}
	defer s.Stop()
	config, err := monitoring.ScrapeConfig(gateways...)
	if err != nil {
		return err
	}
	p, err := monitoring.StartPrometheus(ctx, server, config, "")
	if err != nil {
		return err
	}
	defer p.Stop()
	start := time.Now().Add(5 * time.Second)
	scenes, err := perform(s)
	if err != nil {
		return err
	}
	graphs, err := query(ctx, p, promv1.Range{Start: start, End: time.Now(), Step: step}, names(s))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	foot := "Drawn by integration/monitoring/picture from dashboard.json and what a real Prometheus has of two Envoys under a made-up load. Not a screenshot of Grafana."
	if err := draw(&b, graphs, step, scenes, foot); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// step is the time between two points of the picture.
const step = time.Second

// perform has the load change and things go wrong. The time of a scene counts from the
// first point of the picture.
func perform(s *monitoring.Stage) ([]scene, error) {
	const rate = 40
	s.Send(monitoring.Usual, rate)
	time.Sleep(5*time.Second + 40*time.Second)
	scenes := []scene{{"a usual day", 0}, {"many made-up keys", 40 * time.Second}}
	many := monitoring.Mix{"unknown key": 30}
	for kind, n := range monitoring.Usual {
		many[kind] += n
	}
	s.Change(many)
	time.Sleep(25 * time.Second)

	s.Change(monitoring.Usual)
	scenes = append(scenes, scene{"as before", 65 * time.Second})
	time.Sleep(20 * time.Second)

	scenes = append(scenes, scene{"introspection fails", 85 * time.Second})
	if err := s.Opaque.Close(); err != nil {
		return nil, err
	}
	time.Sleep(20 * time.Second)

	scenes = append(scenes, scene{"the server of keys fails too, and a wrong configuration comes", 105 * time.Second})
	if err := s.Auth.Close(); err != nil {
		return nil, err
	}
	for _, g := range s.Gateways {
		if err := g.Reject(); err != nil {
			return nil, err
		}
	}
	time.Sleep(30 * time.Second)
	return scenes, nil
}

// names are what the picture calls the processes, whose ports are chance.
func names(s *monitoring.Stage) *strings.Replacer {
	plain := func(issuer string) string {
		return regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(issuer, "_")
	}
	return strings.NewReplacer(
		plain(s.Auth.Issuer()), "auth_example_com", plain(s.Opaque.Issuer()), "opaque_example_com",
		s.Gateways[0].Admin(), "gateway-1:9901", s.Gateways[1].Admin(), "gateway-2:9901",
	)
}

// query returns the panels of the dashboard with what their queries say of a time.
func query(ctx context.Context, p *monitoring.Prometheus, r promv1.Range, names *strings.Replacer) ([]graph, error) {
	d, err := monitoring.ReadDashboard()
	if err != nil {
		return nil, err
	}
	var graphs []graph
	for _, panel := range d.Panels {
		g := graph{Panel: panel}
		for _, target := range panel.Targets {
			expr := monitoring.Expand(target.Expr, "")
			v, _, err := p.QueryRange(ctx, expr, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", expr, err)
			}
			list, ok := v.(model.Matrix)
			if !ok || len(list) == 0 {
				return nil, fmt.Errorf("%s: no data for %s", panel.Title, expr)
			}
			for _, stream := range list {
				g.Series = append(g.Series, series{names.Replace(legend(target.Legend, stream.Metric)), points(stream, r)})
			}
		}
		graphs = append(graphs, g)
	}
	return graphs, nil
}

func points(stream *model.SampleStream, r promv1.Range) []float64 {
	values := make([]float64, int(r.End.Sub(r.Start)/r.Step)+1)
	for i := range values {
		values[i] = missing
	}
	for _, pair := range stream.Values {
		if i := int(pair.Timestamp.Time().Sub(r.Start).Round(r.Step) / r.Step); i >= 0 && i < len(values) {
			values[i] = float64(pair.Value)
		}
	}
	return values
}

// legend fills in the labels of a series.
func legend(format string, labels model.Metric) string {
	return regexp.MustCompile(`\{\{(\w+)\}\}`).ReplaceAllStringFunc(format, func(m string) string {
		return string(labels[model.LabelName(strings.Trim(m, "{}"))])
	})
}
