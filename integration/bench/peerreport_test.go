package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// examplePeers is a result of two rounds: the bases take 100 µs and then 200, and what the others
// add is the same in both.
func examplePeers() *PeerResult {
	r := &PeerResult{
		Settings: peerSettings{Rounds: 2, Patience: 45 * time.Second}, Machine: Machine{CPU: `Some <CPU> & "more"`, Envoy: "1.40.0", Cores: 2},
		Versions: map[string]string{"mcp": "2.3.0", "Go": "1.26"},
		Memory:   map[string]float64{"upstream": 9, "extauthz": 21.4, "python": 80},
	}
	peers := allPeers()
	for i, work := range peerWorks {
		for _, base := range []float64{100, 200} {
			all := map[string]peerMeasured{}
			for n, p := range peers {
				if !work.applies(p) {
					continue
				}
				parts := map[string]float64{"envoy": base - 20, "server": 20}
				if p.filters() {
					parts["envoy"] += float64(10*n + i)
				}
				if p.Authz != "" {
					parts["service"] = 50
				}
				all[p.Name] = peerMeasured{parts: parts, rate: 5000}
			}
			r.recordCosts(work.Name, peers, all)
		}
	}
	for _, p := range peers {
		r.Latencies = append(r.Latencies, &PeerLatency{
			Peer: p.Name, Half: &pacedSample{2500, sample{400, 600}, sample{1900, 2100}}, Common: &pacedSample{500, sample{300}, sample{900}},
		})
	}
	all := func(state string) map[string]string {
		states := map[string]string{}
		for _, p := range r.peersIn() {
			states[p.Name] = state
		}
		return states
	}
	r.Behaviours = []*Behaviour{
		{Name: "one", Section: "RFC 1", States: all(yes)}, {Name: "two", Section: "RFC 2", States: all(no)},
		{Name: "three", Section: "RFC 3", States: all(no), ByCode: true, Seconds: map[string]float64{}},
		{Name: "four", Section: "RFC 4", States: all(notApplicable)},
	}
	r.Behaviours[2].States["mcpauth"], r.Behaviours[2].Seconds["mcpauth"] = yes, 1.25
	return r
}

func TestPeersAddOverTheirOwnBase(t *testing.T) {
	r := examplePeers()
	for name, want := range map[string]float64{"mcpauth": 10, "ext_authz": 90, "python": 70, "typescript": 100} {
		c := r.cost(peerWorks[0].Name, name)
		if len(c.Added) != 2 || c.Added[0] != want || c.Added[1] != want {
			t.Errorf("%s: %v, want %v twice", name, c.Added, want)
		}
	}
	if c := r.cost(peerWorks[0].Name, "ext_authz"); c.AddedParts["service"].median() != 50 || c.AddedParts["envoy"].median() != 40 || c.AddedParts["server"].median() != 0 {
		t.Errorf("parts: %v", c.AddedParts)
	}
	if c := r.cost(peerWorks[0].Name, "envoy"); c.Added != nil || c.CPU.median() != 150 {
		t.Errorf("base: %+v", c)
	}
	if c := r.cost("ES256, a new token", "fastmcp"); c != nil {
		t.Errorf("not measured: %+v", c)
	}
}

func TestPeersReport(t *testing.T) {
	var out bytes.Buffer
	folder := filepath.Join(t.TempDir(), "new")
	if err := examplePeers().write(folder, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Envoy alone | 150 (100–200) |  |  |  |  | 5000 |",
		"| mcpauth | 160 (110–210) | 10 (10–10) | 10 |  | 0 | 5000 |",
		"| ext_authz with go-oidc | 240 (190–290) | 90 (90–90) | 40 | 50 | 0 | 5000 |",
		"| mcpauth | 2500/s | 0.50 | 2.00 | 500/s | 0.30 | 0.90 |",
		"| one | RFC 1 | yes | yes | yes | yes | yes | yes | yes | yes |",
		"| two | RFC 2 | no | no | no | no | no | no | no | no |",
		"| three | RFC 3 | yes | no | no | no† | no† | no† | no† | no† |",
		"| four | RFC 4 | n/a |",
		"| **2 of 3** | **1 of 3** |",
		"| three | 1.2 | not in 45 |",
		"| the server of the gateways | 9 |\n| ext_authz with go-oidc: the service | 21 |\n| MCP Python SDK | 80 |\n",
		"Versions: Envoy 1.40.0, `Go` 1.26, `mcp` 2.3.0.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, name := range []string{"peers.md", "peers.json", "peers.svg"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	doc, err := os.ReadFile(filepath.Join(folder, "peers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var again PeerResult
	if err := json.Unmarshal(doc, &again); err != nil {
		t.Fatal(err)
	}
	if got := again.readmeTable(); got != examplePeers().readmeTable() || !strings.Contains(got, "| mcpauth | 11 | 10 | 164 | 2.0 | 2 of 3 |\n") {
		t.Errorf("after reading:\n%s", got)
	}
	if got := again.costTable(); !strings.Contains(got, "| FastMCP | 81 (81–81) | 80 (80–80) | – | – | 234 | 5000 |\n") {
		t.Errorf("after reading:\n%s", got)
	}
}

// TestPeersDocs: the pages have a place for each table, and keep the rest.
func TestPeersDocs(t *testing.T) {
	copied, before := copyPages(t, "README.md", "docs/peers.md")
	r := examplePeers()
	for range 2 { // writing again changes nothing
		if err := r.writeDocs(copied); err != nil {
			t.Fatal(err)
		}
	}
	outside := func(page string) string {
		var kept strings.Builder
		for {
			head, rest, ok := strings.Cut(page, ":begin -->\n")
			kept.WriteString(head)
			if !ok {
				return kept.String()
			}
			_, page, _ = strings.Cut(rest, ":end -->\n")
		}
	}
	for name, text := range before {
		after, err := os.ReadFile(filepath.Join(copied, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(after) == text || outside(string(after)) != outside(text) {
			t.Errorf("%s: written where it must not be, or not at all", name)
		}
	}
	if _, err := os.Stat(filepath.Join(copied, "docs", "peers.svg")); err != nil {
		t.Error(err)
	}
}

// TestPeersPicture: the picture is well-formed, its bars and their titles stay inside it, and two
// kinds of work have a bar for each set-up.
func TestPeersPicture(t *testing.T) {
	for _, r := range []*PeerResult{examplePeers(), {}} {
		var svg bytes.Buffer
		if err := r.picture(&svg); err != nil {
			t.Fatal(err)
		}
		bars := 0
		for d := xml.NewDecoder(&svg); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			e, ok := token.(xml.StartElement)
			if !ok || e.Name.Local != "rect" {
				continue
			}
			bars++
			right := 0.0
			for _, a := range e.Attr {
				if a.Name.Local == "x" || a.Name.Local == "width" {
					v, err := strconv.ParseFloat(a.Value, 64)
					if err != nil || v < 0 || math.IsNaN(v) {
						t.Errorf("%s is %s", a.Name.Local, a.Value)
					}
					right += v
				}
			}
			if right > pictureWidth {
				t.Errorf("a bar ends at %v", right)
			}
		}
		if want := 2 * len(protecting(allPeers())); bars != want && len(r.Costs) > 0 {
			t.Errorf("%d bars, want %d", bars, want)
		}
	}
}

// TestPeersDisturbed: the report warns if something else ran, and only then.
func TestPeersDisturbed(t *testing.T) {
	for rate, want := range map[float64]bool{1e4: false, 1e3: true} {
		r := examplePeers()
		for _, c := range r.Costs {
			for i := range c.Rate {
				c.Rate[i] = rate
			}
		}
		var out bytes.Buffer
		r.markdown(&out)
		if strings.Contains(out.String(), "with care") != want {
			t.Errorf("rate %v: want a warning: %v", rate, want)
		}
	}
}
