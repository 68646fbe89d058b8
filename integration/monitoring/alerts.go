package monitoring

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// A Rule is an alert of alerts.yaml.
type Rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations struct {
		Summary     string `json:"summary"`
		Description string `json:"description"`
		Runbook     string `json:"runbook"`
	} `json:"annotations"`
}

type ruleFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []Rule `json:"rules"`
	} `json:"groups"`
}

// ReadRules reads the alerts of the example.
func ReadRules() ([]Rule, error) {
	text, err := example("alerts.yaml")
	if err != nil {
		return nil, err
	}
	var file ruleFile
	if err := yaml.UnmarshalStrict([]byte(text), &file); err != nil {
		return nil, fmt.Errorf("alerts.yaml: %w", err)
	}
	if len(file.Groups) != 1 {
		return nil, fmt.Errorf("alerts.yaml: %d groups, want one", len(file.Groups))
	}
	return file.Groups[0].Rules, nil
}

// Page returns the alerts as operations.md shows them.
func Page(rules []Rule) string {
	var b strings.Builder
	b.WriteString("```promql\n")
	for i, r := range rules {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s, %s", r.Alert, r.Labels["severity"])
		if r.For != "" {
			fmt.Fprintf(&b, ", after %s", r.For)
		}
		fmt.Fprintf(&b, "\n%s\n", r.Expr)
	}
	b.WriteString("```\n")
	return b.String()
}

// Hasty returns alert rules of which each fires within seconds: ranges are ten seconds, an
// alert waits for one second, keys are old after a few seconds, and a few requests that
// wait, or fetches that fail, are many. Nothing else changes.
func Hasty(text string) (string, error) {
	for _, change := range []struct{ old, new string }{
		{"[5m]", "[10s]"}, {"[10m]", "[10s]"}, {"[10m:]", "[10s:]"}, {"[15m]", "[10s]"},
		{"for: 1m\n", "for: 1s\n"}, {"for: 5m\n", "for: 1s\n"}, {"for: 10m\n", "for: 1s\n"},
		{"mcpauth_key_age_seconds > 2 * 3600", "mcpauth_key_age_seconds > 15"},
		{"(mcpauth_held_requests) > 200", "(mcpauth_held_requests) > 20"},
		{`{result="failed"}[10s])) > 5`, `{result="failed"}[10s])) > 1`},
	} {
		if !strings.Contains(text, change.old) {
			return "", fmt.Errorf("alerts.yaml has no %q", change.old)
		}
		text = strings.ReplaceAll(text, change.old, change.new)
	}
	return text, nil
}
