package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
)

// read returns a file of the repository.
func read(path ...string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	return string(b), err
}

// example returns a file of envoy-example/monitoring.
func example(name string) (string, error) { return read("envoy-example", "monitoring", name) }

// StatsTags returns stats_config of envoy.yaml.
func StatsTags() (string, error) {
	text, err := read("envoy-example", "envoy.yaml")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^stats_config:\n(?:[ -].*\n)+`).FindString(text)
	if found == "" {
		return "", errors.New("envoy.yaml has no stats_config")
	}
	return found, nil
}

// ScrapeConfig returns prometheus.yml of the example with the gateways as the targets of
// its jobs, in the place of those that Kubernetes knows, and all intervals one second.
func ScrapeConfig(gateways ...*Gateway) (string, error) {
	text, err := example("prometheus.yml")
	if err != nil {
		return "", err
	}
	var config object
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return "", err
	}
	config["global"] = object{"scrape_interval": "1s", "evaluation_interval": "1s"}
	var jobs []any
	for _, each := range config["scrape_configs"].([]any) {
		job := each.(object)
		var targets []string
		for _, g := range gateways {
			if g.Job == job["job_name"] {
				targets = append(targets, g.Admin())
			}
		}
		if len(targets) == 0 {
			continue
		}
		delete(job, "kubernetes_sd_configs")
		delete(job, "relabel_configs") // they choose among what Kubernetes knows
		job["static_configs"] = []object{{"targets": targets}}
		jobs = append(jobs, job)
	}
	config["scrape_configs"] = jobs
	doc, err := yaml.Marshal(config)
	return string(doc), err
}

// A Dashboard is what this package needs of dashboard.json.
type Dashboard struct {
	Panels []Panel `json:"panels"`
}

// A Panel is a row's title or a graph.
type Panel struct {
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Type        string   `json:"type"` // "row" or "timeseries"
	Targets     []Target `json:"targets"`
	Position    struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Fields struct {
		Defaults struct {
			Unit   string `json:"unit"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

// A Target is a query of a panel.
type Target struct {
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"`
}

// ReadDashboard reads the dashboard of the example.
func ReadDashboard() (*Dashboard, error) {
	text, err := example("dashboard.json")
	if err != nil {
		return nil, err
	}
	d := &Dashboard{}
	if err := json.Unmarshal([]byte(text), d); err != nil {
		return nil, fmt.Errorf("dashboard.json: %w", err)
	}
	return d, nil
}

// Expand puts values in the place of the dashboard's variables, as Grafana does: a job,
// or "" for all, and all of the others.
func Expand(expr, job string) string {
	if job == "" {
		job = ".*"
	}
	return strings.NewReplacer("$job", job, "$instance", ".*", "$listener", ".+", "$__rate_interval", "5s").Replace(expr)
}
