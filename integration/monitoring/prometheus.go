// Package monitoring runs the dashboard and the alerts of envoy-example/monitoring
// against a real Prometheus that scrapes real Envoys.
package monitoring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/debian"
)

// FindPrometheus returns the paths of prometheus and promtool: those in the folder
// $PROMETHEUS, else those on the PATH, else those of Debian's package prometheus,
// unpacked into the folder .venv-prometheus of this module.
func FindPrometheus(ctx context.Context) (server, tool string, err error) {
	if dir := os.Getenv("PROMETHEUS"); dir != "" {
		return programs(dir)
	}
	server, errServer := exec.LookPath("prometheus")
	tool, errTool := exec.LookPath("promtool")
	if errServer == nil && errTool == nil {
		return server, tool, nil
	}
	root, err := envoy.Root()
	if err != nil {
		return "", "", err
	}
	final := filepath.Join(root, "integration", ".venv-prometheus")
	if err := debian.Install(final, func(dir string) error {
		// It is linked against the C library alone; its dependencies are for its pages.
		if err := debian.Unpack(ctx, dir, "prometheus", false); err != nil {
			return err
		}
		_, _, err := programs(filepath.Join(dir, "usr", "bin"))
		return err
	}); err != nil {
		return "", "", fmt.Errorf("Prometheus is needed: install it (on Debian: apt-get install prometheus) or set PROMETHEUS to the folder of prometheus and promtool. It could not be installed here: %w", err)
	}
	return programs(filepath.Join(final, "usr", "bin"))
}

func programs(dir string) (server, tool string, err error) {
	server, tool = filepath.Join(dir, "prometheus"), filepath.Join(dir, "promtool")
	for _, path := range []string{server, tool} {
		if out, err := exec.Command(path, "--version").CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("%s: %w\n%s", path, err, out)
		}
	}
	return server, tool, nil
}

// Prometheus is a running server.
type Prometheus struct {
	promv1.API
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
	log    *os.File
}

// StartPrometheus starts a server with a configuration and alert rules, which the
// configuration names alerts.yaml, and waits until it answers.
func StartPrometheus(ctx context.Context, binary, config, rules string) (*Prometheus, error) {
	dir, err := os.MkdirTemp("", "mcpauth-prometheus-")
	if err != nil {
		return nil, err
	}
	p := &Prometheus{dir: dir}
	for name, text := range map[string]string{"prometheus.yml": config, "alerts.yaml": rules} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	for range 3 {
		// Prometheus neither chooses a free port nor shares one: another process
		// may take the number before it listens.
		if err = p.start(ctx, binary); err == nil {
			return p, nil
		}
		err = fmt.Errorf("start prometheus: %w\n%s", err, p.Log())
		p.end()
	}
	p.Stop()
	return nil, err
}

func (p *Prometheus) start(ctx context.Context, binary string) (err error) {
	if p.log, err = os.Create(filepath.Join(p.dir, "log")); err != nil {
		return err
	}
	port, err := loopback.Reserve(0)
	if err != nil {
		return err
	}
	address := port.Addr()
	port.Release()
	p.cmd = exec.Command(binary,
		"--config.file="+filepath.Join(p.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(p.dir, "data"),
		"--web.listen-address="+address, "--query.lookback-delta=5s", "--log.level=warn")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = endWithParent()
	exited, started := make(chan struct{}), make(chan error)
	p.exited = exited
	go func(cmd *exec.Cmd) {
		// The kernel ties the child to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(exited)
	}(p.cmd)
	if err := <-started; err != nil {
		p.cmd = nil
		return err
	}
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	if err != nil {
		return err
	}
	p.API = promv1.NewAPI(client)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, err := p.Config(ctx); err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Log returns what Prometheus has logged.
func (p *Prometheus) Log() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(b)
}

// Stop ends the server and removes its files.
func (p *Prometheus) Stop() {
	p.end()
	os.RemoveAll(p.dir)
}

func (p *Prometheus) end() {
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(10 * time.Second):
			p.cmd.Process.Kill()
			<-p.exited
		}
	}
	p.cmd = nil
	if p.log != nil {
		p.log.Close()
	}
}

// Values returns the value of an expression now, by the labels of its series.
func (p *Prometheus) Values(ctx context.Context, expr string) (map[string]float64, error) {
	v, _, err := p.Query(ctx, expr, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	return vector(v)
}

// Promtool runs promtool in a folder.
func Promtool(ctx context.Context, tool, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

func vector(v model.Value) (map[string]float64, error) {
	list, ok := v.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("a %s, want a vector", v.Type())
	}
	values := map[string]float64{}
	for _, sample := range list {
		values[sample.Metric.String()] = float64(sample.Value)
	}
	return values, nil
}
