package envoy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a running Envoy.
type Process struct {
	options  Options
	dir      string
	cmd      *exec.Cmd
	exited   chan struct{}
	exitErr  error // valid when exited is closed
	admin    string
	listener string
}

// StartError reports that Envoy ended before it was ready. If the plugin refused its
// configuration, Log has the reason.
type StartError struct {
	Log string
	Err error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("envoy did not start: %v\n%s", e.Err, e.Log)
}

func (e *StartError) Unwrap() error { return e.Err }

// Start runs an Envoy binary with a configuration and waits until its listener
// is ready. The error is a [*StartError] if Envoy ends instead.
func Start(ctx context.Context, binary string, o Options) (*Process, error) {
	if o.Workers == 0 {
		o.Workers = 2
	}
	dir, err := os.MkdirTemp("", "mcpauth-envoy-")
	if err != nil {
		return nil, fmt.Errorf("start envoy: %w", err)
	}
	p := &Process{options: o, dir: dir, exited: make(chan struct{})}
	if err := p.start(ctx, binary); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Process) start(ctx context.Context, binary string) error {
	bootstrap := p.options.Bootstrap
	if bootstrap == "" {
		var err error
		if bootstrap, err = Bootstrap(p.options, p.dir); err != nil {
			return fmt.Errorf("start envoy: %w", err)
		}
	}
	if err := os.WriteFile(p.path("bootstrap.yaml"), []byte(bootstrap), 0o600); err != nil {
		return fmt.Errorf("start envoy: %w", err)
	}
	if err := p.writeDynamicParts(); err != nil {
		return err
	}
	log, err := os.Create(p.path("log"))
	if err != nil {
		return fmt.Errorf("start envoy: %w", err)
	}
	defer log.Close()
	args := []string{"--config-path", p.path("bootstrap.yaml"),
		"--concurrency", strconv.Itoa(p.options.Workers),
		"--admin-address-path", p.path("admin"),
		"--disable-hot-restart",
		"--log-level", "warning", "--component-log-level", "wasm:info"}
	if p.options.AccessLog != "" {
		args = append(args, "--file-flush-interval-msec", "50")
	}
	if d := p.options.DrainTime; d > 0 {
		args = append(args, "--drain-time-s", strconv.Itoa(int(d.Seconds())))
	}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = endWithParent()
	started := make(chan error)
	go func() {
		// The kernel ends the child with the thread that started it, so this
		// thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.exitErr = p.cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		p.cmd = nil
		return fmt.Errorf("start envoy: %w", err)
	}
	return p.awaitReady(ctx)
}

// startTimeout is how long Envoy may take to compile the plugin and listen: two
// seconds on an idle machine, far more where many processes want the processor.
const startTimeout = 3 * time.Minute

func (p *Process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if p.admin == "" {
			if address, err := os.ReadFile(p.path("admin")); err == nil {
				p.admin = strings.TrimSpace(string(address))
			}
		}
		if p.admin != "" && p.ready(ctx) {
			listener, err := p.listenerAddress(ctx)
			if err == nil {
				p.listener = listener
				return nil
			}
		}
		select {
		case <-p.exited:
			return &StartError{p.Log(), fmt.Errorf("it ended: %w", cmp.Or(p.exitErr, errors.New("status 0")))}
		case <-ctx.Done():
			return &StartError{p.Log(), ctx.Err()}
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Addr returns the address of the listener, as host:port.
func (p *Process) Addr() string { return p.listener }

// Admin returns the address of the admin interface, as host:port.
func (p *Process) Admin() string { return p.admin }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Log returns what Envoy and the plugin have logged so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.path("log"))
	if err != nil {
		return ""
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}

// AccessLog returns the access log so far. Envoy writes a line soon after its request has
// ended.
func (p *Process) AccessLog() string {
	b, err := os.ReadFile(accessLogPath(p.dir))
	if err != nil {
		return ""
	}
	return string(b)
}

// Stop ends the process, by force if it does not end by itself, and removes its
// files. It may be called twice.
func (p *Process) Stop() {
	if p.cmd != nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(5 * time.Second):
			p.cmd.Process.Kill()
			<-p.exited
		}
	}
	os.RemoveAll(p.dir)
}

func (p *Process) path(name string) string { return filepath.Join(p.dir, name) }

// Validate runs an Envoy binary that checks a configuration file, and whether the plugin
// starts with its configuration. It returns Envoy's log.
func Validate(ctx context.Context, binary, configPath string) (string, error) {
	out, err := exec.CommandContext(ctx, binary, "--mode", "validate", "--config-path", configPath,
		"--log-level", "warning", "--component-log-level", "wasm:info").CombinedOutput()
	return string(out), err
}
